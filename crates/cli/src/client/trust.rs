//! Which certificates an https server may show: those of a named file, or the
//! system's.
//!
//! There is no way to switch the check off.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tidegate_model::{Error, Result};
use tokio_rustls::TlsConnector;

/// Where distributions keep the trusted certificates.
const SYSTEM_ROOTS: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector> {
    let system = || SYSTEM_ROOTS.iter().map(Path::new).find(|path| path.exists());
    let file = ca_file.or_else(system).ok_or_else(|| {
        Error::needs_user("this system has no trusted certificates")
            .remedy("name a file of them with --ca-file")
    })?;
    let unreadable = |error: rustls_pki_types::pem::Error| {
        Error::needs_user(format!("cannot read certificates from {}", file.display())).caused_by(error)
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
        let added = roots.add(certificate.map_err(unreadable)?);
        // A system's bundle may hold some that the verifier cannot use; a named file must be good.
        if let (Err(error), Some(_)) = (added, ca_file) {
            return Err(
                Error::needs_user(format!("a certificate in {} is unfit", file.display())).caused_by(error),
            );
        }
    }
    if roots.is_empty() {
        return Err(Error::needs_user(format!(
            "{} holds no certificate",
            file.display()
        )));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::bug("no TLS version to use").caused_by(error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
