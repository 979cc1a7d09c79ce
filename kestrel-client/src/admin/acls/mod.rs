//! ACLs: create, describe, delete (KIP-140, KIP-290).

mod binding;
mod filter;
mod operation;

use std::time::Instant;

use kestrel_protocol::ApiKey;
use kestrel_protocol::messages::create_acls::CreateAclsRequest;
use kestrel_protocol::messages::delete_acls::{
    DeleteAclsFilterResult, DeleteAclsMatchingAcl, DeleteAclsRequest,
};

pub use self::binding::{AclBinding, ResourcePattern};
pub use self::filter::AclBindingFilter;
pub use self::operation::{AclOperation, AclPermissionType, PatternType, ResourceType};
use super::settle::{Call, Round, check, left_out};
use super::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::error::Result;

impl Admin {
    /// Creates ACLs. One that is there already is created once more without effect. Brokers take a moment to learn of them.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::{AclBinding, AclOperation, ResourcePattern};
    ///
    /// let orders = ResourcePattern::topic("orders");
    /// let acls = [
    ///     AclBinding::allow("User:shop", AclOperation::Write, orders.clone()),
    ///     AclBinding::allow("User:billing", AclOperation::Read, orders),
    ///     AclBinding::allow("User:billing", AclOperation::Read, ResourcePattern::group("billing")),
    /// ];
    /// admin.create_acls(acls).await.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per ACL, with the broker's words: `SECURITY_DISABLED` when the brokers have no authorizer, `CLUSTER_AUTHORIZATION_FAILED`,
    /// `INVALID_REQUEST`; [`Error::Timeout`](crate::Error::Timeout).
    pub async fn create_acls(
        &self,
        acls: impl IntoIterator<Item = AclBinding>,
    ) -> AdminResults<AclBinding, ()> {
        self.settle(&CreateAcls, acls.into_iter().collect()).await
    }

    /// The ACLs that a filter means, in order.
    ///
    /// # Errors
    /// `SECURITY_DISABLED` when the brokers have no authorizer, `CLUSTER_AUTHORIZATION_FAILED`;
    /// [`Error::Timeout`](crate::Error::Timeout).
    pub async fn describe_acls(&self, filter: AclBindingFilter) -> Result<Vec<AclBinding>> {
        self.settle_one(&DescribeAcls { filter }).await
    }

    /// Deletes the ACLs that filters mean; gives what each one has deleted. Brokers take a moment to learn of it.
    ///
    /// # Errors
    /// Per filter: `SECURITY_DISABLED` when the brokers have no authorizer, `CLUSTER_AUTHORIZATION_FAILED`, the refusal for the
    /// first ACL that could not be deleted while the others were; [`Error::Timeout`](crate::Error::Timeout).
    pub async fn delete_acls(
        &self,
        filters: impl IntoIterator<Item = AclBindingFilter>,
    ) -> AdminResults<AclBindingFilter, Vec<AclBinding>> {
        self.settle(&DeleteAcls, filters.into_iter().collect()).await
    }
}

#[derive(Debug)]
struct CreateAcls;

impl Call for CreateAcls {
    type Item = AclBinding;
    type Output = ();
    const OPERATION: &'static str = "creating ACLs";

    async fn round(&self, client: &Client, items: &[AclBinding], _: Instant) -> Round<Self> {
        let request = CreateAclsRequest { creations: items.iter().map(AclBinding::to_wire).collect() };
        let results = client.send(Target::Controller, &request).await?.results;
        let api = ApiKey::CreateAcls;
        let outcomes =
            results.iter().map(|result| check(api, result.error_code, result.error_message.as_deref()));
        Ok(in_order(api, items.len(), outcomes))
    }
}

#[derive(Debug)]
struct DescribeAcls {
    filter: AclBindingFilter,
}

impl Call for DescribeAcls {
    type Item = ();
    type Output = Vec<AclBinding>;
    const OPERATION: &'static str = "describing ACLs";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Round<Self> {
        Ok(vec![describe(client, &self.filter).await])
    }
}

async fn describe(client: &Client, filter: &AclBindingFilter) -> Result<Vec<AclBinding>> {
    let response = client.send(Target::Any, &filter.to_describe()).await?;
    check(ApiKey::DescribeAcls, response.error_code, response.error_message.as_deref())?;
    let mut acls: Vec<_> = response
        .resources
        .iter()
        .flat_map(|resource| resource.acls.iter().map(|acl| AclBinding::of_described(resource, acl)))
        .collect();
    acls.sort();
    Ok(acls)
}

#[derive(Debug)]
struct DeleteAcls;

impl Call for DeleteAcls {
    type Item = AclBindingFilter;
    type Output = Vec<AclBinding>;
    const OPERATION: &'static str = "deleting ACLs";

    async fn round(&self, client: &Client, items: &[AclBindingFilter], _: Instant) -> Round<Self> {
        let request = DeleteAclsRequest { filters: items.iter().map(AclBindingFilter::to_delete).collect() };
        let results = client.send(Target::Controller, &request).await?.filter_results;
        Ok(in_order(ApiKey::DeleteAcls, items.len(), results.iter().map(deleted)))
    }
}

fn deleted(result: &DeleteAclsFilterResult) -> Result<Vec<AclBinding>> {
    check(ApiKey::DeleteAcls, result.error_code, result.error_message.as_deref())?;
    let acl = |acl: &DeleteAclsMatchingAcl| {
        let refusal = check(ApiKey::DeleteAcls, acl.error_code, acl.error_message.as_deref());
        refusal.map(|()| AclBinding::of_deleted(acl))
    };
    result.matching_acls.iter().map(acl).collect()
}

/// The results of a request that names its items by their order alone.
fn in_order<T>(api: ApiKey, count: usize, results: impl Iterator<Item = Result<T>>) -> Vec<Result<T>> {
    results.chain(std::iter::repeat_with(|| Err(left_out(api)))).take(count).collect()
}
