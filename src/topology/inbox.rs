//! Where all streams meet the model's thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, TryRecvError};

use crate::data::{StreamId, Window};
use crate::label::{Finish, StreamLabels};
use crate::telemetry::metrics::{DropReason, StreamMetrics};

/// Of a paired microphone: it came, or was lost for a reason, a fixed word such as `timeout`.
pub type News = Result<(), &'static str>;

/// What a stream's thread tells the model's thread, in order.
pub enum StreamItem {
    Connected,
    /// The windows that follow are of this file.
    File(Arc<str>),
    Window(Window),
    /// Pictures go on coming, too rarely to make a window.
    Blind,
    /// Of the paired microphone.
    Microphone(News),
    /// The stream broke, or could not be opened; `kind` is a fixed word such as `timeout`.
    Lost {
        kind: &'static str,
    },
    /// The last item of a stream that ended in good order.
    Finished(Finish),
}

/// One stream's queue, as the model's thread reads it.
pub struct Port {
    pub stream: StreamId,
    /// Set by the stream's thread when it knows: an HTTP resource may be a file.
    live: Arc<AtomicBool>,
    pub metrics: StreamMetrics,
    /// The stream's one state machine, told on the model's thread.
    pub labels: StreamLabels,
    receiver: Receiver<StreamItem>,
    /// Taken from the queue while looking for a fresher window.
    held: Option<StreamItem>,
    /// A window of this stream is in the batch: what follows it waits until it was looked at.
    in_batch: bool,
    closed: bool,
}

/// All ports. A live stream gives its freshest window and counts the ones that it
/// overtook; a file gives every window.
pub struct Inbox {
    ports: Vec<Port>,
    /// Ports of streams that begin later; closed when no more will.
    joining: Option<Receiver<Port>>,
    /// Where the next round begins, so that nobody is always last.
    first: usize,
}

impl Port {
    pub fn new(
        stream: StreamId,
        live: Arc<AtomicBool>,
        metrics: StreamMetrics,
        labels: StreamLabels,
        receiver: Receiver<StreamItem>,
    ) -> Self {
        Self { stream, live, metrics, labels, receiver, held: None, in_batch: false, closed: false }
    }

    pub fn is_live(&self) -> bool {
        self.live.load(Ordering::Relaxed)
    }

    fn next(&mut self) -> Option<StreamItem> {
        let item = self.held.take().or_else(|| match self.receiver.try_recv() {
            Ok(item) => Some(item),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.closed = true;
                None
            }
        })?;
        if !self.is_live() || !matches!(item, StreamItem::Window(_)) {
            return Some(item);
        }
        let mut freshest = item;
        while let Ok(next) = self.receiver.try_recv() {
            if matches!(next, StreamItem::Window(_)) {
                self.metrics.windows_dropped(DropReason::Superseded).inc();
                freshest = next;
            } else {
                self.held = Some(next);
                break;
            }
        }
        Some(freshest)
    }
}

impl Inbox {
    /// Streams join by `joining`; when its senders are gone, no more will.
    pub fn new(joining: Receiver<Port>) -> Self {
        Self { ports: Vec::new(), joining: Some(joining), first: 0 }
    }

    /// True when no stream will join any more and all have been read to their end.
    pub fn is_done(&self) -> bool {
        self.ports.is_empty() && self.joining.is_none()
    }

    pub fn port(&mut self, stream: &StreamId) -> Option<&mut Port> {
        self.ports.iter_mut().find(|port| port.stream == *stream)
    }

    /// Items in all queues, and how many they could hold.
    pub fn queued(&self) -> (usize, usize) {
        let receivers = || self.ports.iter().map(|port| &port.receiver);
        let room = receivers().map(|receiver| receiver.capacity().unwrap_or(0)).sum();
        (receivers().map(Receiver::len).sum(), room)
    }

    pub fn ports(&self) -> impl Iterator<Item = &Port> {
        self.ports.iter()
    }

    fn take_joining(&mut self) {
        while let Some(joining) = &self.joining {
            match joining.try_recv() {
                Ok(port) => self.ports.push(port),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.joining = None,
            }
        }
    }

    /// True when no stream could add to the batch: each that there is has a window in it.
    pub fn is_gathered(&self) -> bool {
        self.ports.iter().all(|port| port.in_batch)
    }

    /// The batch was looked at: its streams may go on.
    pub fn looked(&mut self) {
        self.ports.iter_mut().for_each(|port| port.in_batch = false);
    }

    /// Waits until a stream that has no window in the batch has something to say, or until
    /// `timeout`.
    pub fn wait(&self, timeout: Duration) {
        let waiting = || self.ports.iter().filter(|port| !port.in_batch);
        if self.is_done() || waiting().any(|port| port.held.is_some()) {
            return;
        }
        let mut select = Select::new();
        if let Some(joining) = &self.joining {
            select.recv(joining);
        }
        for port in waiting() {
            select.recv(&port.receiver);
        }
        let _ = select.ready_deadline(Instant::now() + timeout);
    }

    /// Gives what each stream says up to and including its next window, until `windows`
    /// of them were given. A stream then waits for [`Self::looked`]: its labels are told in
    /// order, and a fast file cannot crowd out a camera.
    pub fn round(&mut self, windows: usize, mut tell: impl FnMut(&mut Port, StreamItem)) {
        self.take_joining();
        let mut given = 0;
        let count = self.ports.len();
        for offset in 0..count {
            if given == windows {
                break;
            }
            let port = &mut self.ports[(self.first + offset) % count];
            while !port.in_batch
                && let Some(item) = port.next()
            {
                if matches!(item, StreamItem::Window(_)) {
                    port.in_batch = true;
                    given += 1;
                }
                tell(port, item);
            }
        }
        self.first = if count == 0 { 0 } else { (self.first + 1) % count };
        self.ports.retain(|port| !port.closed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use crossbeam_channel::{Sender, bounded};

    use super::*;
    use crate::data::manifest::{Activation, Output};
    use crate::data::{MediaTime, Stamp, VideoFrame};
    use crate::label::{Ids, LabelSettings};
    use crate::telemetry::metrics::Metrics;

    fn window(stream: &StreamId, seq: u64) -> StreamItem {
        let stamp = Stamp::unclocked(MediaTime::ZERO);
        let frame = VideoFrame { stamp, width: 1, height: 1, pixels: Arc::new(vec![0; 3]) };
        StreamItem::Window(Window::of_frames(stream.clone(), seq, vec![frame]))
    }

    fn port(name: &str, live: bool) -> (Port, Sender<StreamItem>) {
        let stream = StreamId::new(name).unwrap();
        let metrics = Metrics::new().stream(&stream);
        let labels = StreamLabels::new(
            stream.clone(),
            "model 1".into(),
            &Output {
                name: "logits".into(),
                activation: Activation::Sigmoid,
                labels: vec!["covered".into()],
                judges: None,
                calibration: None,
                thresholds: Default::default(),
            },
            &LabelSettings::default(),
            metrics.clone(),
            Arc::new(Ids::new(SystemTime::UNIX_EPOCH, 0)),
        );
        let (sender, receiver) = bounded(8);
        (Port::new(stream, Arc::new(live.into()), metrics, labels, receiver), sender)
    }

    fn inbox_of(ports: impl IntoIterator<Item = Port>) -> Inbox {
        let (sender, joining) = bounded(8);
        for port in ports {
            sender.send(port).unwrap();
        }
        Inbox::new(joining)
    }

    fn said(inbox: &mut Inbox, windows: usize) -> Vec<String> {
        let mut said = Vec::new();
        inbox.round(windows, |port, item| {
            said.push(match item {
                StreamItem::Connected => format!("{} connected", port.stream),
                StreamItem::File(file) => format!("{} of {file}", port.stream),
                StreamItem::Window(window) => format!("{} {}", port.stream, window.seq),
                StreamItem::Lost { .. } => format!("{} lost", port.stream),
                StreamItem::Finished(_) => format!("{} finished", port.stream),
                StreamItem::Blind => format!("{} blind", port.stream),
                StreamItem::Microphone(came) => format!("{} hears: {came:?}", port.stream),
            });
        });
        said
    }

    #[test]
    fn a_stream_with_a_window_in_the_batch_is_not_heard_until_that_was_looked_at() {
        let (port, sender) = port("clip", false);
        let stream = port.stream.clone();
        let mut inbox = inbox_of([port]);
        sender.send(window(&stream, 0)).unwrap();
        sender.send(StreamItem::Finished(Finish::Finished)).unwrap();
        drop(sender);
        assert_eq!(said(&mut inbox, 8), ["clip 0"]);
        assert!(inbox.is_gathered());
        assert_eq!(said(&mut inbox, 8), [""; 0]);
        assert!(inbox.port(&stream).is_some(), "a port outlives its windows");
        inbox.looked();
        assert_eq!(said(&mut inbox, 8), ["clip finished"]);
    }

    #[test]
    fn a_live_stream_keeps_its_freshest_window_and_counts_the_rest() {
        let (port, sender) = port("cam", true);
        let (stream, metrics) = (port.stream.clone(), port.metrics.clone());
        let mut inbox = inbox_of([port]);
        sender.send(StreamItem::Connected).unwrap();
        for seq in 0..3 {
            sender.send(window(&stream, seq)).unwrap();
        }
        sender.send(StreamItem::Lost { kind: "timeout" }).unwrap();
        sender.send(window(&stream, 3)).unwrap();
        assert_eq!(said(&mut inbox, 8), ["cam connected", "cam 2"]);
        inbox.looked();
        assert_eq!(said(&mut inbox, 8), ["cam lost", "cam 3"], "nothing overtakes a loss");
        assert_eq!(metrics.windows_dropped(DropReason::Superseded).get(), 2);
    }

    #[test]
    fn a_file_gives_every_window_and_then_leaves() {
        let (port, sender) = port("clip", false);
        let stream = port.stream.clone();
        let mut inbox = inbox_of([port]);
        for seq in 0..2 {
            sender.send(window(&stream, seq)).unwrap();
        }
        sender.send(StreamItem::Finished(Finish::Finished)).unwrap();
        drop(sender);
        assert_eq!(said(&mut inbox, 8), ["clip 0"]);
        inbox.looked();
        assert_eq!(said(&mut inbox, 8), ["clip 1"]);
        inbox.looked();
        assert_eq!(said(&mut inbox, 8), ["clip finished"]);
        assert!(inbox.is_done());
    }

    #[test]
    fn a_full_batch_leaves_the_others_for_the_next_round() {
        let mut ports = Vec::new();
        let mut senders = Vec::new();
        for name in ["a", "b", "c"] {
            let (port, sender) = port(name, false);
            for seq in 0..2 {
                sender.send(window(&port.stream, seq)).unwrap();
            }
            ports.push(port);
            senders.push(sender);
        }
        let mut inbox = inbox_of(ports);
        assert_eq!(said(&mut inbox, 2), ["a 0", "b 0"]);
        inbox.looked();
        assert_eq!(said(&mut inbox, 2), ["b 1", "c 0"], "the next round begins with another");
    }
}
