//! A TCP proxy that does to a connection what networks do: cut it, refuse it,
//! let it hang, slow it down, shut one direction.
//!
//! It runs on a thread and runtime of its own, so that a test that blocks does
//! not stop the network it tests. A call returns when its effect is there. Per
//! connection and direction at most `BUFFER_BYTES` are held.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Small, so that a stall is felt soon; the kernel's buffers come on top.
const BUFFER_BYTES: usize = 16 * 1024;
/// A slow connection gets its bytes in this many portions a second.
const PORTIONS_PER_SECOND: u64 = 20;
/// Calls wait for their effect, so there is never more than one per caller.
const COMMANDS: usize = 8;

/// What is done to all connections.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    stall: bool,
    bytes_per_second: Option<u64>,
    /// Connections that were opened before the last raise are meant.
    cuts: u64,
    half_closes: u64,
}

/// What went through so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Connections taken since the start.
    pub accepted: u64,
    /// Connections open now.
    pub open: u64,
    pub bytes_to_server: u64,
    pub bytes_to_client: u64,
}

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    open: AtomicU64,
    bytes_to_server: AtomicU64,
    bytes_to_client: AtomicU64,
}

#[derive(Debug)]
enum Command {
    Refuse(bool),
    Set(fn(&mut Faults, u64), u64),
    /// Close all connections, and answer when they are closed.
    Cut,
}

type Answer = std::sync::mpsc::SyncSender<anyhow::Result<()>>;

/// A running proxy; dropping it closes everything.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    commands: Option<mpsc::Sender<(Command, Answer)>>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1 and passes every connection on to `target`.
    pub fn start(target: SocketAddr) -> anyhow::Result<FaultProxy> {
        let listener = StdListener::bind("127.0.0.1:0").context("the proxy finds no port")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (commands, received) = mpsc::channel(COMMANDS);
        let counters = Arc::new(Counters::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let core = Core {
            target,
            address,
            counters: Arc::clone(&counters),
            faults: watch::channel(Faults::default()).0,
        };
        let thread = std::thread::Builder::new()
            .name("fault-proxy".into())
            .spawn(move || {
                runtime.block_on(core.run(listener, received));
            })?;
        Ok(FaultProxy {
            address,
            commands: Some(commands),
            counters,
            thread: Some(thread),
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections, with a reset to both ends. New ones are taken.
    pub fn cut(&self) -> anyhow::Result<()> {
        self.call(Command::Cut)
    }

    /// While true nobody listens: new connections are refused by the kernel.
    pub fn refuse(&self, on: bool) -> anyhow::Result<()> {
        self.call(Command::Refuse(on))
    }

    /// While true no byte flows in either direction; connections stay, and new
    /// ones are taken.
    pub fn stall(&self, on: bool) -> anyhow::Result<()> {
        self.call(Command::Set(|faults, on| faults.stall = on == 1, u64::from(on)))
    }

    /// Bytes per second for each direction of each connection; `None` is unlimited.
    pub fn slow(&self, bytes_per_second: Option<u64>) -> anyhow::Result<()> {
        let set = |faults: &mut Faults, rate| faults.bytes_per_second = (rate != 0).then_some(rate);
        self.call(Command::Set(set, bytes_per_second.map_or(0, |rate| rate.max(1))))
    }

    /// Shuts the direction to the server of all connections that are open; what
    /// the server says still reaches the client.
    pub fn half_close(&self) -> anyhow::Result<()> {
        self.call(Command::Set(|faults, _| faults.half_closes += 1, 0))
    }

    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            accepted: read(&self.counters.accepted),
            open: read(&self.counters.open),
            bytes_to_server: read(&self.counters.bytes_to_server),
            bytes_to_client: read(&self.counters.bytes_to_client),
        }
    }

    fn call(&self, command: Command) -> anyhow::Result<()> {
        let commands = self.commands.as_ref().context("the proxy has ended")?;
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        // Not `blocking_send`, which refuses to work on a runtime's thread. The
        // queue is full only if as many callers wait at once.
        commands
            .try_send((command, answer))
            .map_err(|_| anyhow!("the proxy takes no commands"))?;
        answered.recv().context("the proxy has ended")?
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A proxy that panicked was noticed by the calls that failed.
            let _ = thread.join();
        }
    }
}

/// What runs on the proxy's thread.
struct Core {
    target: SocketAddr,
    address: SocketAddr,
    counters: Arc<Counters>,
    faults: watch::Sender<Faults>,
}

impl Core {
    async fn run(self, listener: StdListener, mut commands: mpsc::Receiver<(Command, Answer)>) {
        let mut listener = TcpListener::from_std(listener).ok();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => {
                    let Some((command, answer)) = command else { return };
                    let result = self.obey(command, &mut listener, &mut connections).await;
                    // A caller that is gone does not want to know.
                    let _ = answer.send(result);
                }
                Some(_) = connections.join_next() => {}
                accepted = accept(listener.as_ref()) => {
                    let Ok((client, _)) = accepted else { continue };
                    self.counters.accepted.fetch_add(1, Ordering::Relaxed);
                    self.counters.open.fetch_add(1, Ordering::Relaxed);
                    let (counters, faults) = (Arc::clone(&self.counters), self.faults.subscribe());
                    let target = self.target;
                    connections.spawn(async move {
                        serve(client, target, &counters, faults).await;
                        counters.open.fetch_sub(1, Ordering::Relaxed);
                    });
                }
            }
        }
    }

    async fn obey(
        &self,
        command: Command,
        listener: &mut Option<TcpListener>,
        connections: &mut JoinSet<()>,
    ) -> anyhow::Result<()> {
        match command {
            Command::Set(set, value) => {
                self.faults.send_modify(|faults| set(faults, value));
            }
            Command::Cut => {
                self.faults.send_modify(|faults| faults.cuts += 1);
                while connections.join_next().await.is_some() {}
            }
            Command::Refuse(true) => *listener = None,
            Command::Refuse(false) if listener.is_none() => {
                *listener = Some(
                    TcpListener::bind(self.address)
                        .await
                        .context("the proxy's port was taken")?,
                );
            }
            Command::Refuse(false) => {}
        }
        Ok(())
    }
}

async fn accept(listener: Option<&TcpListener>) -> std::io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// One connection, from its opening to its end. A server that can't be reached
/// resets the client.
async fn serve(
    mut client: TcpStream,
    target: SocketAddr,
    counters: &Counters,
    faults: watch::Receiver<Faults>,
) {
    let seen = *faults.borrow();
    let mut cut = faults.clone();
    let flow = async {
        let mut server = TcpStream::connect(target).await?;
        let done = {
            let (mut from_client, mut to_client) = client.split();
            let (mut from_server, mut to_server) = server.split();
            let up = Pump {
                faults: faults.clone(),
                bytes: &counters.bytes_to_server,
                half_closes: Some(seen.half_closes),
            };
            let down = Pump {
                faults: faults.clone(),
                bytes: &counters.bytes_to_client,
                half_closes: None,
            };
            let both = async {
                tokio::try_join!(
                    up.run(&mut from_client, &mut to_server),
                    down.run(&mut from_server, &mut to_client)
                )
            };
            tokio::select! {
                result = both => result.is_ok(),
                _ = cut.wait_for(|now| now.cuts != seen.cuts) => false,
            }
        };
        if !done {
            server.set_zero_linger()?;
        }
        std::io::Result::Ok(done)
    };
    let mut cut_early = faults.clone();
    let done = tokio::select! {
        biased;
        result = flow => result.unwrap_or(false),
        _ = cut_early.wait_for(|now| now.cuts != seen.cuts) => false,
    };
    if !done {
        // Closing without lingering sends a reset; if it fails, it is a plain close.
        let _ = client.set_zero_linger();
    }
}

/// One direction of a connection.
struct Pump<'a> {
    faults: watch::Receiver<Faults>,
    bytes: &'a AtomicU64,
    /// For the direction to the server: half-closes raised before it was opened.
    half_closes: Option<u64>,
}

impl Pump<'_> {
    /// Moves bytes until the reader's end or a half-close, and passes that end on.
    async fn run(mut self, reader: &mut ReadHalf<'_>, writer: &mut WriteHalf<'_>) -> std::io::Result<()> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let (mut begin, mut end) = (0, 0);
        loop {
            let now = *self.faults.borrow_and_update();
            if self.half_closes.is_some_and(|seen| seen != now.half_closes) {
                return writer.shutdown().await;
            }
            let limit = portion(now.bytes_per_second);
            let step = async {
                if now.stall {
                    return std::future::pending().await;
                }
                if begin == end {
                    let space = buffer.get_mut(..limit).unwrap_or_default();
                    return reader.read(space).await.map(Step::Read);
                }
                let bytes = buffer.get(begin..end.min(begin + limit)).unwrap_or_default();
                writer.write(bytes).await.map(Step::Written)
            };
            let step = tokio::select! {
                changed = self.faults.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Ok(()),
                },
                step = step => step?,
            };
            match step {
                Step::Read(0) => return writer.shutdown().await,
                Step::Read(count) => (begin, end) = (0, count),
                Step::Written(count) => {
                    begin += count;
                    self.bytes.fetch_add(count as u64, Ordering::Relaxed);
                    self.pace(now.bytes_per_second, count).await;
                }
            }
        }
    }

    /// The time that `count` bytes take; a change of the faults ends the wait.
    async fn pace(&mut self, rate: Option<u64>, count: usize) {
        let Some(rate) = rate else { return };
        let time = Duration::from_secs_f64(count as f64 / rate as f64);
        let mut faults = self.faults.clone();
        let _ = tokio::time::timeout(time, faults.changed()).await;
    }
}

enum Step {
    Read(usize),
    Written(usize),
}

fn portion(bytes_per_second: Option<u64>) -> usize {
    let portion = bytes_per_second.map_or(u64::MAX, |rate| (rate / PORTIONS_PER_SECOND).max(1));
    usize::try_from(portion).unwrap_or(usize::MAX).min(BUFFER_BYTES)
}
