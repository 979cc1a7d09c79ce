//! Tokens of RFC 7515, RFC 7520 and RFC 8037, and of OpenSSL for what these have none of.

use super::super::algorithm::Algorithm;
use super::super::jws::{Jws, decoded};
use super::super::public_key::PublicKey;
use super::{keys, refused, rules};

/// The key and the token of RFC 7515, A.2.
const RFC7515_RSA: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
const RFC7515_RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
/// The key and the token of RFC 7515, A.3.
const RFC7515_EC: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const RFC7515_ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// The key and the token of RFC 7515, A.1, whose signature is one of a shared secret.
const RFC7515_OCT: &str = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
const RFC7515_HS256: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The key of RFC 7515, A.4, on a curve that is not there.
const RFC7515_P521: &str = r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
/// The unsecured token of RFC 7515, A.5.
const RFC7515_NONE: &str = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
/// The key and the text with its signature of RFC 7520, 4.2.
const RFC7520_RSA: &str = r#"{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB"}"#;
const RFC7520_PS384: (&str, &str) = (
    "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
    "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw",
);
/// The key and the text with its signature of RFC 8037, A.4.
const RFC8037_ED: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const RFC8037_EDDSA: (&str, &str) = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
);

/// A key of OpenSSL, what it has signed, and header and signature for each algorithm of RSA.
const MODULUS: &str = "sbf1iLMK2VVQM_I929XtgOPBAbGKNEckKkmHixb7ffSECjzs_5aot2Ad_cKVbVtHYmJTUWUpEX8ir7Z6AOZKAzme5RRUHbn2g5khoE893ivXxl8f3E5kYLFf2UOzoW9biWqfcbiPjxzbiZKQBpPRE320cImK3ql1XWX_ueTK0EoHoRfSeF8Ac_9H5AcfGrGZMMzVjBoLUJ4Bc6DQFVfwCVdl_tV9SQESlcY8WmsASWeMqP1iAyPZF6Yj0gmii0tIJ6ZGhC-lnGaGWmHdE2JaVHXeqvDlRWb_m3ZHROpW-3O5SZFSFtfP79sQgSWMEDsfxkYGOFdPqeeiWM9wL0lE9w";
const PAYLOAD: &str = "eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoia2Fma2EiLCJzdWIiOiJhbGljZSIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAzNjAwfQ";
const RSA: [(&str, &str); 6] = [
    (
        "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9",
        "iMizZ0_0rsJF_jS-zNmrR36YefZu280CPkAyBNX74B-xj2iZCr4ct6eWGYC1qJLuDgzf46d7JPldG_iHRpIdr0bYbk3Dvth1uSQXt166PUw3drf8smJeOpsxs52uA4d5t0HyNxNJUQZH0TxjJonbCwEw4VZf751W_Iraz8EG2ZxEyaXHhAetJfY65cl3IEgpAsFEGx9Bpur_wzhdK-Iztj1krcd-LR_m42F2v9EQuTxwXH1gwjARNEjY6eLd7V1_HMgbDChqpTvwbyMMQQpW9JDpIz7AKtmEHdbJuJWTy3QUEU8bEYiZdi8MArBh3OPRoYeam8hi2_sENr9IiUEA4A",
    ),
    (
        "eyJhbGciOiJSUzM4NCIsImtpZCI6InJzYSJ9",
        "pxobOfuGNPezs2kDRj0cCKidOMl4D5MFcbvFXSbUctZ9gV9flxH0ufEWWja6NC37QfwlfXwD-bXmkyK8SBacESgezyk9ZQTsH5qssiiESf_cbIpBlVXXHwOfOdsu8PBG9dZTmX39zGrba63dPQFP-gBXwMR80v_vXPf4oXwblCGF7hzZjX0uCvyk_eEDCKba-a7fS3Z6EuBmOJ9VqTZgVELIqIeWtognL-WnsGW95WDoOXp0yKL87fNlgpjS46bze4ecouHqjX0ZylC5-mU5U-7si6chEtFXnmfDAi9B6X_TX8OOJjUfgMpvsEVX7aZ_EPQjp5scdH2Gp0hmdM7q4w",
    ),
    (
        "eyJhbGciOiJSUzUxMiIsImtpZCI6InJzYSJ9",
        "l7N7TC2gNarYSOhmW8G39ITY1ivjIKYbhy6RThG6zJJyMPf4YnRjDtkzTaHzZ0nPf6L1jw5ym_ANur9vO0VHIPkhI_VOG_obEI4H82l5uEKoMhLkid57PmFgTcKUWdri02-RYrejZTeN0CtzIQMc2Y8aScdJSMyk1TfTQLM-PVyEVJCKL2_y5WhOAy9gw52502Ee6KCszH_jOnVL-gS7e-THUmEINkQDkX0e6b4hceoRvpyoChQKgHF93edi8sBySB6u03q2OPcVkfEAFsQUZp46K3O--rAqrp8FBbVe2ZWYHhuAKsq-dzm3cdQcwvxMwPNb4rhoT8j7vx3xo6C2SQ",
    ),
    (
        "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSJ9",
        "HUayCLCACuJ2u4UnlKVF7pPgSIeR_iUOi-xrzZvZWCEMDET1Dx20v0dFvu4vTkeoUrogAi631xj7W6Yaeh63BAeU54DJF9G22a7EAPbOToF_N95M4v1Sqi05Afawga0p8dimHZW-7ln7E5DU_v-v22ZiNbZXlxTYefT3uI4zHdy3ymRLe7mctG0AxOpecliQzeEbAFTtwaZ1hypaMFUEDIktsQElao1oqyzzkswJ1QEh3eqqd9-MVz65wxKlOqhs4y1ldLLAWFgjH35QAnqg4ddqyVJlv0DfVGfyxe4d-k2xlhPjWiqccLM8XFmhpwn27FCx-QulmSCtsrcOcIE66A",
    ),
    (
        "eyJhbGciOiJQUzM4NCIsImtpZCI6InJzYSJ9",
        "GIUXkqA8ygJB-W-fc_sVSWmJ-h3bFwaz78cGAu8bMUzLxHof2GkDnmgC2DlRdpTnx3SycZ-IAMR-DLPf4iIrGzY6zF429p7zI5Ghx7SyY16MnNldOLKiO3PV1v4L7j76emAd7G1MUfuy1H9wSyW2PRg2GAs1zR2xxFWLatMocHQflWVdVIXGtfR9V-lY5ydMNpMnuAlFMLfye_fUFSv7BjB7xqtjtJGpptdfiUw1mzWHnBzQEeN1DhEBqESoEFLrzJz-eYDueeoPmHNjaB6B5KA1EEJ3mB85Ag2BrsI3U4aYOwHcOziu9EnlnaplT7Etz9kr8UUXoBBrPnWnDMUcsA",
    ),
    (
        "eyJhbGciOiJQUzUxMiIsImtpZCI6InJzYSJ9",
        "rdbhriPURmI_Kegx6jMqfIj_AOEp56NHnAYToOSEfzCZMVNIBhiUM1pWkto5LsBAGhIk_99BM0yb_6s9yeBc_DovGAaRR4Tx9NUbwAfwxOHxRCdiZYMUGJ9oKShbZRBfezz8t4zsqpFmbE8-H3jDO4654MveUR27jcm_lhKq9_6Qn6LeQPiXRFE771jxM3N7ki8-3XK74BQ1lDf9pNVXFl2G1bWZHHYAueDELQcOQKkA15xC3B7aN_BlJNPMR0JTp3B6hwrBZd1UVQa994jGvwmjjJYDuxYq3HWprsGAZ1Ihho-1qLXe5QNTKzBy7JU7vcsaVXXvqha2FUOP7bEKhQ",
    ),
];

fn key(json: &str) -> PublicKey {
    PublicKey::from_json(&serde_json::from_str(json).unwrap()).unwrap()
}

#[test]
fn tokens_of_rfc_7515_are_of_their_keys() {
    for (set, token) in [(RFC7515_RSA, RFC7515_RS256), (RFC7515_EC, RFC7515_ES256)] {
        let jws = Jws::parse(token).unwrap();
        assert_eq!(jws.claims["iss"], "joe");
        keys(&[set]).verify(&jws).unwrap();
        // Each is of its own key alone, also where both are there and none has a name.
        keys(&[RFC7515_EC, RFC7520_RSA, RFC7515_RSA]).verify(&jws).unwrap();
        keys(&[RFC7520_RSA]).verify(&jws).unwrap_err();
    }
    let error = rules().validate(RFC7515_RS256, &keys(&[RFC7515_RSA]), super::now()).unwrap_err();
    assert_eq!(error.to_string(), "its claim \"exp\" is over");
}

#[test]
fn what_nobody_or_a_shared_secret_signed_is_refused() {
    let set = keys(&[RFC7515_RSA, RFC7515_OCT, RFC7515_P521]);
    assert_eq!(set.len(), 1);
    assert_eq!(set.left_out().len(), 2);
    assert!(refused(RFC7515_HS256, &set).starts_with("its algorithm \"HS256\" is not accepted"));
    assert!(refused(RFC7515_NONE, &set).starts_with("its algorithm \"none\" is not accepted"));
}

#[test]
fn signatures_of_rfc_7520_and_rfc_8037_are_of_their_keys() {
    for (json, algorithm, (signed, signature)) in
        [(RFC7520_RSA, Algorithm::Ps384, RFC7520_PS384), (RFC8037_ED, Algorithm::EdDsa, RFC8037_EDDSA)]
    {
        let (key, signature) = (key(json), decoded(signature).unwrap());
        assert!(key.verifies(algorithm, signed.as_bytes(), &signature));
        for other in [Algorithm::Ps256, Algorithm::Rs384, Algorithm::Es256] {
            assert!(!key.verifies(other, signed.as_bytes(), &signature), "{other:?}");
        }
        for at in 0..signature.len() {
            let mut forged = signature.clone();
            forged[at] ^= 1;
            assert!(!key.verifies(algorithm, signed.as_bytes(), &forged), "{at}");
        }
    }
}

#[test]
fn each_algorithm_of_rsa_is_verified() {
    let rsa = format!(r#"{{"kty":"RSA","kid":"rsa","use":"sig","n":"{MODULUS}","e":"AQAB"}}"#);
    let set = keys(&[&rsa, RFC7515_EC]);
    for (header, signature) in RSA {
        let token = format!("{header}.{PAYLOAD}.{signature}");
        let identity = rules().validate(&token, &set, super::now()).unwrap();
        assert_eq!(identity.principal_name, "alice");
        // No header makes another algorithm of a signature.
        for (other, _) in RSA.iter().filter(|(other, _)| *other != header) {
            assert_eq!(
                refused(&format!("{other}.{PAYLOAD}.{signature}"), &set),
                "its signature is not of the issuer's key"
            );
        }
    }
}

/// A leading zero, which some issuers write, is none of the number.
#[test]
fn a_modulus_may_begin_with_a_zero() {
    let modulus = decoded(MODULUS).unwrap();
    let padded = super::encoded([&[0][..], &modulus].concat());
    let set = keys(&[&format!(r#"{{"kty":"RSA","n":"{padded}","e":"AQAB"}}"#)]);
    let (header, signature) = RSA[0];
    rules().validate(&format!("{header}.{PAYLOAD}.{signature}"), &set, super::now()).unwrap();
}
