//! In what rings of one and of many senders differ, for this tool.

use mapring::generic::{Consumer, Mpsc, Observer, Options, Protocol, Repair, Spsc, Stalled};
use mapring::{Corrupt, Counters, Peer};

use crate::args::RegionArgs;

/// A kind of ring. Whoever has the tool work with either is written over this.
pub(crate) trait Kind: Protocol {
    /// Said to who has opened a ring of the other kind for one of this kind.
    const HINT: &str;

    /// What `region` asks for, that only this kind has.
    fn own_options(options: Options<Self>, region: &RegionArgs) -> Options<Self>;

    /// Who sends, by slot, with what the holders of that slot have counted.
    fn senders(observer: &Observer<Self>) -> Result<Vec<(Peer, Counters)>, Corrupt>;

    /// What dead senders had claimed, and was skipped. Each is told once.
    fn repairs(consumer: &mut Consumer<Self>) -> Vec<Repair>;

    /// The claim that everything else waits for.
    fn stalled(observer: &Observer<Self>) -> Option<Stalled>;
}

impl Kind for Spsc {
    const HINT: &str = "this is a ring of many senders, give --mpsc";

    fn own_options(options: Options<Self>, _region: &RegionArgs) -> Options<Self> {
        options
    }

    fn senders(observer: &Observer<Self>) -> Result<Vec<(Peer, Counters)>, Corrupt> {
        Ok(vec![(observer.producer()?, observer.producer_counters())])
    }

    fn repairs(_consumer: &mut Consumer<Self>) -> Vec<Repair> {
        Vec::new()
    }

    fn stalled(_observer: &Observer<Self>) -> Option<Stalled> {
        None
    }
}

impl Kind for Mpsc {
    const HINT: &str = "this is a ring of one sender, do not give --mpsc";

    fn own_options(options: Options<Self>, region: &RegionArgs) -> Options<Self> {
        match region.producers {
            Some(slots) => options.producers(slots),
            None => options,
        }
    }

    fn senders(observer: &Observer<Self>) -> Result<Vec<(Peer, Counters)>, Corrupt> {
        observer.producers()
    }

    fn repairs(consumer: &mut Consumer<Self>) -> Vec<Repair> {
        consumer.repairs().collect()
    }

    fn stalled(observer: &Observer<Self>) -> Option<Stalled> {
        observer.stalled()
    }
}
