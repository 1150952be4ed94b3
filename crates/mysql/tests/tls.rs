//! TLS to real servers with certificates made here: what fits is taken, and what does
//! not is refused with what to do about it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use tidegate_model::Kind;
use tidegate_model::endpoint::{Certificates, Endpoint, Tls};
use tidegate_model::finding::Verdict;
use tidegate_testkit::{DbServer, Flavor};

use super::ends::{chosen, endpoint, job, source_as};

/// A folder of keys and certificates that goes with the test.
struct Papers(PathBuf);

impl Drop for Papers {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn openssl(args: &[&str]) {
    let output = Command::new("openssl").args(args).output().expect("openssl runs");
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

impl Papers {
    fn new(name: &str) -> Papers {
        let folder = std::env::temp_dir().join(format!("tidegate-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("makes a folder");
        let papers = Papers(folder);
        papers.authority("ca");
        papers.authority("other");
        papers.signed("server", "ca", "IP:127.0.0.1,DNS:localhost", "30");
        papers.signed("elsewhere", "ca", "DNS:elsewhere.example", "30");
        papers.signed("expired", "ca", "IP:127.0.0.1", "-1");
        papers.signed("client", "ca", "DNS:mover", "30");
        papers
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn text(&self, name: &str) -> Option<String> {
        Some(std::fs::read_to_string(self.0.join(name)).expect("reads"))
    }

    fn authority(&self, name: &str) {
        let (key, cert) = (
            self.path(&format!("{name}.key")),
            self.path(&format!("{name}.pem")),
        );
        let subject = format!("/CN=test {name}");
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-subj",
            &subject,
            "-keyout",
            &key,
            "-out",
            &cert,
        ]);
    }

    fn signed(&self, name: &str, by: &str, names: &str, days: &str) {
        let file = |end: &str| self.path(&format!("{name}.{end}"));
        let (key, asked, cert, more) = (file("key"), file("csr"), file("pem"), file("ext"));
        let subject = format!("/CN={name}");
        openssl(&[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            &subject,
            "-keyout",
            &key,
            "-out",
            &asked,
        ]);
        let text = format!("subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\n");
        std::fs::write(&more, text).expect("writes");
        let (ca, ca_key) = (self.path(&format!("{by}.pem")), self.path(&format!("{by}.key")));
        openssl(&[
            "x509",
            "-req",
            "-in",
            &asked,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-set_serial",
            "7",
            "-days",
            days,
            "-extfile",
            &more,
            "-out",
            &cert,
        ]);
    }

    /// Where the server reads it, which may run as another account.
    fn lay_out(&self, name: &str) {
        for end in ["key", "pem"] {
            let (from, to) = (format!("{name}.{end}"), self.0.join(format!("shown.{end}")));
            std::fs::copy(self.0.join(from), &to).expect("copies");
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o644)).expect("opens it");
        }
    }

    /// Makes the server show that certificate.
    fn show(&self, server: &DbServer, name: &str) {
        self.lay_out(name);
        let reload = if server.flavor().is_mariadb() {
            "FLUSH SSL"
        } else {
            "ALTER INSTANCE RELOAD TLS"
        };
        server.sql(reload).expect("reloads");
    }
}

async fn served(papers: &Papers, flavor: Flavor) -> DbServer {
    papers.lay_out("server");
    let settings = [
        format!("--ssl-ca={}", papers.path("ca.pem")),
        format!("--ssl-cert={}", papers.path("shown.pem")),
        format!("--ssl-key={}", papers.path("shown.key")),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    DbServer::start_with(flavor, &settings).await.expect("starts")
}

fn verified(server: &DbServer, ca: Option<String>) -> Endpoint {
    Endpoint {
        tls: Tls::Verified,
        certificates: Certificates {
            ca,
            ..Certificates::default()
        },
        ..endpoint(server)
    }
}

async fn refused(endpoint: &Endpoint, why: &str, remedy: &str) {
    let error = source_as(endpoint).await.expect_err(why);
    assert_eq!(error.kind(), Kind::NeedsUser, "{error}");
    assert!(error.to_string().contains(why), "{error}");
    let said = error.remedy_text().unwrap_or_default();
    assert!(said.contains(remedy), "{error}: {said}");
}

async fn certificates(flavor: Flavor, name: &str) {
    let papers = Papers::new(name);
    let server = served(&papers, flavor).await;
    let good = verified(&server, papers.text("ca.pem"));
    source_as(&good).await.expect("a good certificate is taken");
    let named = Endpoint {
        host: "localhost".to_owned(),
        ..good.clone()
    };
    source_as(&named).await.expect("by its other name too");

    let other = "not from an authority that is trusted";
    refused(&verified(&server, papers.text("other.pem")), other, "--tls-ca").await;
    refused(&verified(&server, None), other, "--tls-ca").await;
    let broken = Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned());
    refused(&verified(&server, broken), "cannot be read", "PEM").await;
    papers.show(&server, "elsewhere");
    refused(&good, "for another host name", "subjectAltName").await;
    // MySQL 9.7 itself refuses to load a certificate that has expired.
    if flavor.is_mariadb() {
        papers.show(&server, "expired");
        refused(&good, "has expired", "Renew").await;
    }
    // Asked only to encrypt, it is taken for what it is; a user of TLS alone shows that it is TLS.
    server
        .run_script(
            "CREATE USER safe@'127.0.0.1' IDENTIFIED BY 'pw' REQUIRE SSL;
             CREATE USER known@'127.0.0.1' IDENTIFIED BY 'pw' REQUIRE X509",
        )
        .expect("makes users");
    let safe = Endpoint {
        tls: Tls::Required,
        user: "safe".to_owned(),
        password: "pw".to_owned(),
        ..endpoint(&server)
    };
    source_as(&safe).await.expect("encrypted, not checked");
    let plain = Endpoint {
        tls: Tls::Off,
        ..safe.clone()
    };
    assert!(
        source_as(&plain).await.is_err(),
        "the server wants TLS of this user"
    );

    papers.show(&server, "server");
    let mut known = Endpoint {
        user: "known".to_owned(),
        password: "pw".to_owned(),
        ..good.clone()
    };
    assert!(
        source_as(&known).await.is_err(),
        "the server wants a certificate of this user"
    );
    known.certificates.client_cert = papers.text("client.pem");
    refused(&known, "go together", "both").await;
    known.certificates.client_key = papers.text("client.key");
    source_as(&known).await.expect("by its certificate");
    known.certificates.client_key = papers.text("server.key");
    refused(&known, "do not belong together", "made together").await;
    assert!(!format!("{known:?}").contains("PRIVATE"), "a key is shown");
}

// Connections that were refused end beside the blocking client: a server that reloads waits for them.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_mysql() {
    certificates(Flavor::Mysql97, "mysql").await;
}

// Connections that were refused end beside the blocking client: a server that reloads waits for them.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_mariadb() {
    certificates(Flavor::Mariadb118, "mariadb").await;
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    for (flavor, setting) in [
        (Flavor::Mysql97, "--tls-version="),
        (Flavor::Mariadb118, "--skip-ssl"),
    ] {
        let server = DbServer::start_with(flavor, &[setting]).await.expect("starts");
        for tls in [Tls::Required, Tls::Verified] {
            let asked = Endpoint {
                tls,
                ..endpoint(&server)
            };
            refused(&asked, "the server offers none", "Switch TLS on").await;
        }
        let preferred = Endpoint {
            tls: Tls::Preferred,
            ..endpoint(&server)
        };
        source_as(&preferred).await.expect("in the clear");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_checked_is_warned_of() {
    let server = DbServer::start(Flavor::Mysql97).await.expect("starts");
    server
        .run_script("CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY)")
        .expect("loads");
    for (tls, wanted) in [
        (Tls::Required, Verdict::Warning),
        (Tls::Preferred, Verdict::Pass),
        (Tls::Off, Verdict::Pass),
    ] {
        let asked = Endpoint {
            tls,
            ..endpoint(&server)
        };
        let spec = job(asked.clone(), asked.clone(), chosen("d"));
        let source = source_as(&asked).await.expect("opens");
        let structure = source.read_structure(&spec.selection).await.expect("reads");
        let target = tidegate_mysql::engine().open_target(&asked).await.expect("opens");
        let mut findings = source.precheck(&spec, &structure).await.expect("checks");
        findings.extend(target.precheck(&spec, &structure).await.expect("checks"));
        for item in ["source_tls", "target_tls"] {
            let found = findings.iter().find(|finding| finding.item == item);
            assert_eq!(found.expect("is checked").verdict, wanted, "{tls:?} {item}");
        }
    }
}
