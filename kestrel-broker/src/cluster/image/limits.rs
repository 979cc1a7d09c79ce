//! The limits of the metadata as the ledger of quotas has them.

use std::net::IpAddr;

use crate::cluster::image::{ClientQuotaEntity, ClusterImage, EntityName, QuotaKey};
use crate::quota::{EntityPart, IpLimits, Limits, QuotaEntity, QuotaKind};

impl ClusterImage {
    /// The limits of users and clients.
    pub(in crate::cluster) fn limits(&self) -> Limits {
        let all = self.quotas().iter().filter(|(entity, _)| entity.ip.is_none());
        let of_each = all.flat_map(|(entity, limits)| limits.iter().map(move |limit| (entity, limit)));
        of_each.filter_map(|(entity, (key, bound))| Some((kind(*key)?, subject(entity), *bound))).collect()
    }

    /// The limits of addresses. A name that is no address limits nobody.
    pub(in crate::cluster) fn ip_limits(&self) -> IpLimits {
        let mut ip_limits = IpLimits::default();
        for (entity, limits) in self.quotas().iter() {
            let Some(rate) = limits.get(&QuotaKey::ConnectionCreationRate) else { continue };
            match &entity.ip {
                Some(EntityName::Default) => ip_limits.default = Some(*rate),
                Some(EntityName::Named(ip)) => {
                    let ip = ip.parse::<IpAddr>().ok();
                    ip_limits.by_ip.extend(ip.map(|ip| (ip.to_canonical(), *rate)));
                }
                None => {}
            }
        }
        ip_limits
    }
}

const fn kind(key: QuotaKey) -> Option<QuotaKind> {
    match key {
        QuotaKey::ProducerByteRate => Some(QuotaKind::Produce),
        QuotaKey::ConsumerByteRate => Some(QuotaKind::Fetch),
        QuotaKey::RequestPercentage => Some(QuotaKind::Request),
        QuotaKey::ControllerMutationRate => Some(QuotaKind::ControllerMutation),
        QuotaKey::ConnectionCreationRate => None,
    }
}

fn subject(entity: &ClientQuotaEntity) -> QuotaEntity {
    QuotaEntity { user: part(entity.user.as_ref()), client_id: part(entity.client_id.as_ref()) }
}

fn part(name: Option<&EntityName>) -> EntityPart {
    match name {
        None => EntityPart::Unsaid,
        Some(EntityName::Default) => EntityPart::Default,
        Some(EntityName::Named(name)) => EntityPart::Named(name.clone()),
    }
}
