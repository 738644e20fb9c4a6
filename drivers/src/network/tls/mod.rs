//! TLS, by rustls: everything that the rest of the driver does not know about it.
//!
//! A handshake proves that the peer holds the key of its certificate. The chain is evaluated after it, for the [`TlsInfo`] by which the
//! core judges the peer, whatever it asks: here nobody is turned away. Sessions are not resumed, so that each connection brings its proof.

mod files;
mod verdict;
mod verifier;
mod words;

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_io::Timer;
use futures_lite::{AsyncRead, AsyncWrite, FutureExt};
use futures_rustls::pki_types::ServerName;
use futures_rustls::rustls::client::Resumption;
use futures_rustls::rustls::crypto::{CryptoProvider, ring};
use futures_rustls::rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use futures_rustls::rustls::sign::CertifiedKey;
use futures_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use futures_rustls::{TlsAcceptor, TlsConnector};
use sipsimple_core::agent::TlsFiles;
use sipsimple_core::settings::kind::TlsProtocol;
use sipsimple_core::sip::Text;
use sipsimple_core::transport::{CloseCause, Fingerprint, TlsInfo, TlsPolicy};

use files::Stamp;
use verifier::Possession;

/// What the driver must know for TLS. What the connections are to prove stands in the agent's configuration
/// ([`TlsConfig`](sipsimple_core::transport::TlsConfig)).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsSettings {
    /// A file in PEM with the authorities to trust (setting `tls.ca_list`); `None` for those that the system trusts.
    pub ca_list: Option<PathBuf>,
    /// The identities by name: for each a file in PEM with the certificate, those that lead to its authority, and the key.
    pub identities: BTreeMap<Text, PathBuf>,
    /// How long a handshake may take (setting `tls.timeout`).
    pub timeout: Duration,
    /// The oldest version that is spoken (setting `tls.protocol`).
    pub protocol: TlsProtocol,
    /// What files are relative to that the settings name; without it the current directory.
    pub(crate) directory: Option<PathBuf>,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            ca_list: None,
            identities: BTreeMap::new(),
            timeout: Duration::from_secs(3),
            protocol: TlsProtocol::Tls12,
            directory: None,
        }
    }
}

impl TlsSettings {
    /// The fingerprint of the certificate of an identity, which descriptions carry (RFC 8122); none when it cannot be read.
    pub(crate) fn fingerprint(&self, identity: &Text) -> Option<Fingerprint> {
        let path = self.identities.get(identity)?;
        files::fingerprint(path).inspect_err(|error| tracing::warn!(%error, "the certificate cannot be read")).ok()
    }

    /// These, but for what the settings of the agent say.
    fn but_for(&self, files: &TlsFiles) -> Self {
        let mut settings = self.clone();
        let path = |path: &str| self.directory.as_ref().map_or_else(|| path.into(), |directory| directory.join(path));
        if let Some(ca_list) = &files.ca_list {
            settings.ca_list = Some(path(ca_list.as_str()));
        }
        if let Some(certificate) = &files.certificate {
            settings.identities.insert(TlsFiles::IDENTITY, path(certificate.as_str()));
        }
        settings.protocol = files.protocol.unwrap_or(self.protocol);
        settings.timeout = files.timeout.map_or(self.timeout, |timeout| timeout.duration());
        settings
    }
}

static TLS13_ONLY: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// TLS as configured. Files are read when they are first needed, again after that has failed, and whenever a handshake finds that they were renewed.
#[derive(Debug)]
pub(super) struct Tls {
    /// What it was started with.
    started_with: TlsSettings,
    settings: TlsSettings,
    provider: Arc<CryptoProvider>,
    roots: Option<FromFile<RootCertStore>>,
    identities: BTreeMap<Text, FromFile<CertifiedKey>>,
    /// The identities whose certificates were renewed, until somebody is told.
    renewed: Vec<(Text, Fingerprint)>,
}

/// What was read from a file, or from those of the system.
#[derive(Debug)]
struct FromFile<T> {
    read: Arc<T>,
    stamp: Option<Stamp>,
}

/// How one handshake is to be made.
#[derive(Clone, Debug)]
pub(super) enum Handshake {
    /// As the client, with this server.
    Client { config: Arc<ClientConfig>, name: Option<Text>, roots: Arc<RootCertStore>, timeout: Duration },
    /// As the server.
    Server { config: Arc<ServerConfig>, roots: Arc<RootCertStore>, timeout: Duration },
}

/// A stream on which TLS is spoken.
pub(super) type TlsStream<S> = futures_rustls::TlsStream<S>;

impl Tls {
    pub(super) fn new(settings: TlsSettings) -> Self {
        let provider = Arc::new(ring::default_provider());
        let (roots, identities, renewed) = (None, BTreeMap::new(), Vec::new());
        Self { started_with: settings.clone(), settings, provider, roots, identities, renewed }
    }

    /// Goes by these files from now on, which are read at once; tells the fingerprint of the certificate in them.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub(super) fn configure(&mut self, files: &TlsFiles) -> std::result::Result<Option<Fingerprint>, Text> {
        let settings = self.started_with.but_for(files);
        (self.settings, self.roots, self.identities) = (settings, None, BTreeMap::new());
        if files.ca_list.is_some() {
            self.roots(TlsPolicy::Chain)?;
        }
        if files.certificate.is_none() {
            return Ok(None);
        }
        let identity = self.identity(&TlsFiles::IDENTITY)?;
        Ok(identity.cert.first().map(|own| Fingerprint::of(own)))
    }

    /// The identities whose certificates were renewed since this was last asked, with the fingerprints of those that are shown now.
    pub(super) fn take_renewed(&mut self) -> Vec<(Text, Fingerprint)> {
        std::mem::take(&mut self.renewed)
    }

    /// For a connection that we open to a server of this name.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub(super) fn client(
        &mut self,
        identity: Option<&Text>,
        name: Option<&Text>,
        policy: TlsPolicy,
    ) -> std::result::Result<Handshake, Text> {
        self.up_to_date(identity, policy, |tls| tls.as_client(identity, name, policy))
    }

    /// For connections that peers open. Without an identity none of their handshakes succeeds.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub(super) fn server(
        &mut self,
        identity: Option<&Text>,
        policy: TlsPolicy,
    ) -> std::result::Result<Handshake, Text> {
        self.up_to_date(identity, policy, |tls| tls.as_server(identity, policy))
    }

    /// Makes something of files that are read again if they were renewed. Where fingerprints are compared, the peer knows that of the certificate
    /// that there was, from a description: there the renewed one is shown by what comes after this, when descriptions carry its own.
    fn up_to_date<T>(&mut self, identity: Option<&Text>, policy: TlsPolicy, make: impl FnOnce(&mut Self) -> T) -> T {
        if policy == TlsPolicy::Fingerprint {
            let made = make(self);
            self.read_renewed(identity);
            return made;
        }
        self.read_renewed(identity);
        make(self)
    }

    /// Reads the files again that are not what they were. One that cannot be used, as it is still being written, changes nothing.
    fn read_renewed(&mut self, identity: Option<&Text>) {
        if let Some(name) = identity
            && let (Some(known), Some(path)) = (self.identities.get_mut(name), self.settings.identities.get(name))
            && let stamp = Stamp::of(path)
            && stamp != known.stamp
        {
            match files::identity(path, &self.provider) {
                Ok(identity) => {
                    self.renewed.extend(identity.cert.first().map(|own| (name.clone(), Fingerprint::of(own))));
                    *known = FromFile { read: Arc::new(identity), stamp };
                }
                Err(error) => tracing::warn!(%error, "the certificate was renewed, and cannot be used"),
            }
        }
        if let (Some(known), Some(path)) = (&mut self.roots, &self.settings.ca_list)
            && let stamp = Stamp::of(path)
            && stamp != known.stamp
        {
            match files::authorities(path) {
                Ok(roots) => *known = FromFile { read: Arc::new(roots), stamp },
                Err(error) => tracing::warn!(%error, "the list of authorities was renewed, and cannot be used"),
            }
        }
    }

    fn as_client(
        &mut self,
        identity: Option<&Text>,
        name: Option<&Text>,
        policy: TlsPolicy,
    ) -> std::result::Result<Handshake, Text> {
        let roots = self.roots(policy)?;
        let identity = identity.map(|identity| self.identity(identity)).transpose()?;
        let builder = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(self.versions())
            .map_err(|error| text(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Possession::new(self.provider.clone(), false)));
        let mut config = match identity {
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(identity)))
            }
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        let timeout = self.settings.timeout;
        Ok(Handshake::Client { config: Arc::new(config), name: name.cloned(), roots, timeout })
    }

    fn as_server(&mut self, identity: Option<&Text>, policy: TlsPolicy) -> std::result::Result<Handshake, Text> {
        let roots = self.roots(policy)?;
        let resolver: Arc<dyn ResolvesServerCert> = match identity {
            Some(identity) => Arc::new(rustls::sign::SingleCertAndKey::from(self.identity(identity)?)),
            None => Arc::new(NoIdentity),
        };
        let asks = policy != TlsPolicy::None;
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(self.versions())
            .map_err(|error| text(&error))?
            .with_client_cert_verifier(Arc::new(Possession::new(self.provider.clone(), asks)))
            .with_cert_resolver(resolver);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let timeout = self.settings.timeout;
        Ok(Handshake::Server { config: Arc::new(config), roots, timeout })
    }

    const fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        match self.settings.protocol {
            TlsProtocol::Tls12 => rustls::ALL_VERSIONS,
            TlsProtocol::Tls13 => TLS13_ONLY,
        }
    }

    fn identity(&mut self, name: &Text) -> std::result::Result<Arc<CertifiedKey>, Text> {
        if let Some(known) = self.identities.get(name) {
            return Ok(known.read.clone());
        }
        let path = self.settings.identities.get(name);
        let path = path.ok_or_else(|| Text::from(format!("there is no identity {name}")))?;
        let stamp = Stamp::of(path);
        let read = Arc::new(files::identity(path, &self.provider)?);
        self.identities.insert(name.clone(), FromFile { read: read.clone(), stamp });
        Ok(read)
    }

    /// The authorities, where they matter.
    fn roots(&mut self, policy: TlsPolicy) -> std::result::Result<Arc<RootCertStore>, Text> {
        if policy != TlsPolicy::Chain {
            return Ok(Arc::new(RootCertStore::empty()));
        }
        if let Some(known) = &self.roots {
            return Ok(known.read.clone());
        }
        let path = self.settings.ca_list.as_deref();
        let stamp = path.and_then(Stamp::of);
        let read = Arc::new(match path {
            Some(path) => files::authorities(path)?,
            None => files::system_authorities(),
        });
        self.roots = Some(FromFile { read: read.clone(), stamp });
        Ok(read)
    }
}

impl Handshake {
    /// Makes the handshake with `peer`.
    ///
    /// # Errors
    /// When it fails, or takes too long.
    pub(super) async fn run<S>(self, peer: SocketAddr, stream: S) -> Result<(TlsStream<S>, TlsInfo)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self {
            Self::Client { config, name, roots, timeout } => {
                let provider = config.crypto_provider().clone();
                let connect = async {
                    let stream = TlsConnector::from(config).connect(server_name(name.as_deref(), peer), stream).await?;
                    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
                    let info = verdict::of_server(certificates, &roots, &provider);
                    Ok((stream.into(), info))
                };
                connect.or(late(timeout)).await
            }
            Self::Server { config, roots, timeout } => {
                let provider = config.crypto_provider().clone();
                let accept = async {
                    let stream = TlsAcceptor::from(config).accept(stream).await?;
                    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
                    let info = verdict::of_client(certificates, roots, provider);
                    Ok((stream.into(), info))
                };
                accept.or(late(timeout)).await
            }
        }
    }
}

async fn late<T>(timeout: Duration) -> Result<T> {
    Timer::after(timeout).await;
    Err(Error::other(rustls::Error::General("the handshake took too long".into())))
}

/// What is asked for in SNI: the name, or nothing where there is only an address.
fn server_name(name: Option<&str>, peer: SocketAddr) -> ServerName<'static> {
    let name = name.map(|name| name.strip_suffix('.').unwrap_or(name));
    let name = name.and_then(|name| ServerName::try_from(name).ok());
    name.map_or_else(|| ServerName::IpAddress(peer.ip().into()), |name| name.to_owned())
}

/// What the core is told of an error on a TLS stream; `None` where TLS has nothing to do with it.
pub(super) fn close_cause(error: &Error) -> Option<CloseCause> {
    if error.kind() == ErrorKind::UnexpectedEof {
        return Some(CloseCause::Tls(Text::from_static("the connection was cut: it ended without close_notify")));
    }
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(CloseCause::Tls(words::of(inner).into()))
}

fn text(error: &impl std::fmt::Display) -> Text {
    Text::from(error.to_string())
}

/// We have no certificate to show.
#[derive(Debug)]
struct NoIdentity;

impl ResolvesServerCert for NoIdentity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}
