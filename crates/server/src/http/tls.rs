//! TLS from two PEM files: the server's certificate chain and its key.
//!
//! Relies on rustls with aws-lc. Files are read once; a changed certificate
//! needs a restart.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

pub(super) fn acceptor(cert: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let read = |path: &Path| format!("cannot read a PEM file at {}", path.display());
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .with_context(|| read(cert))?
        .collect::<Result<_, _>>()
        .with_context(|| read(cert))?;
    let key_der = PrivateKeyDer::from_pem_file(key).with_context(|| read(key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .with_context(|| format!("{} and {} do not belong together", cert.display(), key.display()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
