//! A certificate for 127.0.0.1 that signs itself, and its key, made anew for each test.
//!
//! Written in DER by hand: no program of the machine and no file in the tree is
//! needed for it.

use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OCTETS: u8 = 0x04;
const UTF8: u8 = 0x0c;
const TIME: u8 = 0x17;
const ECDSA_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const EC_KEY: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
const ALT_NAME: &[u8] = &[0x06, 3, 0x55, 0x1d, 17];
const CONSTRAINTS: &[u8] = &[0x06, 3, 0x55, 0x1d, 19];
const TRUE: &[u8] = &[0x01, 1, 0xff];

/// Certificate and key, as PEM files in `folder`.
pub(crate) fn make(folder: &Path) -> (PathBuf, PathBuf) {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
        .expect("makes a key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).expect("its own key");
    let body = body(key.public_key().as_ref());
    let signature = key.sign(&SystemRandom::new(), &body).expect("signs");
    let whole = der(
        SEQUENCE,
        &[&body, &der(SEQUENCE, &[ECDSA_SHA256]), &bits(signature.as_ref())],
    );
    let (cert_path, key_path) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert_path, pem("CERTIFICATE", &whole)).expect("writes");
    std::fs::write(&key_path, pem("PRIVATE KEY", pkcs8.as_ref())).expect("writes");
    (cert_path, key_path)
}

fn body(public_key: &[u8]) -> Vec<u8> {
    let name = der(
        SEQUENCE,
        &[&der(
            SET,
            &[&der(SEQUENCE, &[COMMON_NAME, &der(UTF8, &[b"tidegate test"])])],
        )],
    );
    let valid = der(
        SEQUENCE,
        &[&der(TIME, &[b"200101000000Z"]), &der(TIME, &[b"491231235959Z"])],
    );
    let key = der(SEQUENCE, &[&der(SEQUENCE, &[EC_KEY, P256]), &bits(public_key)]);
    // dNSName and iPAddress of RFC 5280's GeneralName.
    let names = der(
        SEQUENCE,
        &[&der(0x82, &[b"localhost"]), &der(0x87, &[&[127, 0, 0, 1]])],
    );
    let extensions = der(
        SEQUENCE,
        &[
            &der(SEQUENCE, &[ALT_NAME, &der(OCTETS, &[&names])]),
            &der(
                SEQUENCE,
                &[CONSTRAINTS, TRUE, &der(OCTETS, &[&der(SEQUENCE, &[TRUE])])],
            ),
        ],
    );
    der(
        SEQUENCE,
        &[
            &der(0xa0, &[&der(INTEGER, &[&[2]])]),
            &der(INTEGER, &[&[1]]),
            &der(SEQUENCE, &[ECDSA_SHA256]),
            &name,
            &valid,
            &name,
            &key,
            &der(0xa3, &[&extensions]),
        ],
    )
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    der(BITS, &[&[0], bytes])
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len())
        .expect("a small certificate")
        .to_be_bytes();
    let mut bytes = vec![tag];
    match length {
        [0, short] if short < 0x80 => bytes.push(short),
        [0, short] => bytes.extend([0x81, short]),
        long => bytes.extend([0x82, long[0], long[1]]),
    }
    bytes.extend(content);
    bytes
}

fn pem(name: &str, bytes: &[u8]) -> String {
    format!(
        "-----BEGIN {name}-----\n{}\n-----END {name}-----\n",
        STANDARD.encode(bytes)
    )
}
