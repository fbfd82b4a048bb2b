//! Whom to trust at the other end of an encrypted connection.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What a server's certificate must say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trust {
    /// Anything: nobody reads along, but anyone may be at the other end.
    Anyone,
    /// It is signed by an authority (`verify-ca`).
    Authority,
    /// Also the name of the host (`verify-full`).
    Name,
}

/// How connections are encrypted, where they are.
#[derive(Debug, PartialEq)]
pub(super) struct Tls {
    pub(super) trust: Trust,
    /// Certificates of authorities, as PEM; those of the system where there is none.
    pub(super) roots: Option<PathBuf>,
    /// What says who we are: certificates and key, as PEM.
    pub(super) own: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// Reads the certificates.
    ///
    /// # Errors
    ///
    /// Which file or certificate is wrong, and in what.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let provider = Arc::new(ring::default_provider());
        let strict = match self.trust {
            Trust::Anyone => None,
            Trust::Authority | Trust::Name => {
                let roots = Arc::new(self.authorities()?);
                let strict = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
                Some(strict.build().map_err(|e| e.to_string())?)
            }
        };
        let verifier = Verifier { strict, name: self.trust == Trust::Name, provider };
        let config = ClientConfig::builder_with_provider(verifier.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match &self.own {
            None => config.with_no_client_auth(),
            Some((certificates, key)) => {
                let secret = PrivateKeyDer::from_pem_file(key)
                    .map_err(|e| format!("sslkey={}: {e}", key.display()))?;
                let chain = certificates_of("sslcert", certificates)?;
                let one = config.with_client_auth_cert(chain, secret);
                one.map_err(|e| format!("sslcert={}: {e}", certificates.display()))?
            }
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn authorities(&self) -> Result<RootCertStore, String> {
        let mut store = RootCertStore::empty();
        match &self.roots {
            Some(path) => {
                for certificate in certificates_of("sslrootcert", path)? {
                    let added = store.add(certificate);
                    added.map_err(|e| format!("sslrootcert={}: {e}", path.display()))?;
                }
            }
            None => {
                let found = rustls_native_certs::load_native_certs();
                // Some of a system's are always odd.
                store.add_parsable_certificates(found.certs);
                if store.is_empty() {
                    let why = found.errors.first().map_or(String::new(), |e| format!(" ({e})"));
                    return Err(format!(
                        "this system has no certificate authorities installed{why}: name a certificate file with sslrootcert="
                    ));
                }
            }
        }
        Ok(store)
    }
}

fn certificates_of(parameter: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |why: String| format!("{parameter}={}: {why}", path.display());
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match all {
        Ok(all) if all.is_empty() => {
            Err(wrong("the file contains no certificate (PEM)".to_owned()))
        }
        all => all.map_err(|e| wrong(e.to_string())),
    }
}

/// Asks of a certificate what `sslmode` wants. Where it wants nothing, the certificate is not even read: that the other end
/// has its key says nothing if any key will do, and many a server has a certificate of the first version, which rustls does
/// not read.
#[derive(Debug)]
struct Verifier {
    strict: Option<Arc<WebPkiServerVerifier>>,
    name: bool,
    provider: Arc<CryptoProvider>,
}

/// How rustls checks that who sent a message has the key of a certificate.
type Check = fn(
    &[u8],
    &CertificateDer<'_>,
    &DigitallySignedStruct,
    &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, rustls::Error>;

impl Verifier {
    fn signature(
        &self,
        check: Check,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.strict {
            None => Ok(HandshakeSignatureValid::assertion()),
            Some(_) => {
                let algorithms = &self.provider.signature_verification_algorithms;
                check(message, certificate, signed, algorithms)
            }
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(strict) = &self.strict else { return Ok(ServerCertVerified::assertion()) };
        match strict.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is looked at last.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.name => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature(verify_tls12_signature, message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature(verify_tls13_signature, message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What to do about a certificate that was not accepted; empty for any other error.
pub(super) fn advice(error: &(dyn std::error::Error + 'static)) -> &'static str {
    let mut causes = std::iter::successors(Some(error), |cause| cause.source());
    let refused = causes.find_map(|cause| match cause.downcast_ref::<rustls::Error>() {
        Some(rustls::Error::InvalidCertificate(why)) => Some(why.clone()),
        _ => cause
            .downcast_ref::<std::io::Error>()
            .and_then(|error| error.get_ref()?.downcast_ref::<rustls::Error>())
            .and_then(|error| match error {
                rustls::Error::InvalidCertificate(why) => Some(why.clone()),
                _ => None,
            }),
    });
    match refused {
        Some(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            "; use the host name that the certificate was issued for, or sslmode=verify-ca to accept any server of that authority"
        }
        Some(_) => {
            "; name the certificate file (PEM) of the authority that signed it with sslrootcert=, or accept any certificate with sslmode=require"
        }
        None => "",
    }
}
