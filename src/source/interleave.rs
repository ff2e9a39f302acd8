//! Packets of two tracks in the order of their times.

use std::collections::VecDeque;

use crate::data::Track;

/// Brings packets of the picture and the sound into the order of their times, where a container has
/// much of one before the same of the other: a fragment of MP4 has all of its pictures first.
///
/// A track waits for the other by `longest` seconds of its media at most; after that the other is
/// taken for gone until something of it comes.
pub(super) struct Interleave<T> {
    longest: f64,
    tracks: [Lane<T>; 2],
    /// Packets taken in so far.
    count: u64,
    closed: bool,
}

struct Lane<T> {
    /// Times in seconds and the packets' numbers, oldest first.
    held: VecDeque<(f64, u64, T)>,
    /// Worth waiting for.
    expected: bool,
    /// The latest time, for packets without one.
    latest: f64,
}

impl<T> Interleave<T> {
    /// `sounds`: there is sound from the beginning. Else it is not waited for until some comes.
    pub fn new(longest: f64, sounds: bool) -> Self {
        let lane = |expected| Lane { held: VecDeque::new(), expected, latest: 0.0 };
        Self { longest, tracks: [lane(true), lane(sounds)], count: 0, closed: false }
    }

    /// Takes the next packet, of `seconds` by its decoding time.
    pub fn push(&mut self, track: Track, seconds: Option<f64>, packet: T) {
        let lane = &mut self.tracks[track as usize];
        lane.latest = seconds.unwrap_or(lane.latest);
        lane.expected = true;
        lane.held.push_back((lane.latest, self.count, packet));
        self.count += 1;
    }

    /// No more packets come: what is held waits for nothing.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// The next packet in the order of times; `None` while another has to come first.
    pub fn pop(&mut self) -> Option<(Track, T)> {
        let [seen, heard] = &self.tracks;
        let track = match (seen.held.front(), heard.held.front()) {
            (None, None) => return None,
            (Some((a, first, _)), Some((b, second, _))) => {
                // Further apart than one may be behind the other, one of the two has jumped.
                let jumped = (a - b).abs() > self.longest;
                let pictures = if jumped { first < second } else { a <= b };
                if pictures { Track::Video } else { Track::Audio }
            }
            (Some(_), None) => Track::Video,
            (None, Some(_)) => Track::Audio,
        };
        let [own, other] = match track {
            Track::Video => [0, 1],
            Track::Audio => [1, 0],
        };
        if self.tracks[other].held.is_empty() && self.tracks[other].expected && !self.closed {
            let lane = &self.tracks[own];
            let oldest = lane.held.front().map_or(lane.latest, |(seconds, ..)| *seconds);
            if (lane.latest - oldest).abs() <= self.longest {
                return None;
            }
            self.tracks[other].expected = false;
        }
        let (_, _, packet) = self.tracks[own].held.pop_front()?;
        Some((track, packet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out after each packet, as its time; pictures are whole, sound has a half.
    fn given(lanes: &mut Interleave<f64>, packets: impl IntoIterator<Item = f64>) -> Vec<f64> {
        let mut out = Vec::new();
        for at in packets {
            let track = if at.fract() == 0.0 { Track::Video } else { Track::Audio };
            lanes.push(track, Some(at), at);
            out.extend(std::iter::from_fn(|| lanes.pop()).map(|(_, packet)| packet));
        }
        out
    }

    #[test]
    fn a_fragment_s_pictures_and_sound_alternate() {
        let mut lanes = Interleave::new(15.0, true);
        let pictures = (0..6).map(f64::from);
        let fragment = |from: f64| {
            let sound = pictures.clone().map(move |at| from + at + 0.5);
            pictures.clone().map(move |at| from + at).chain(sound).collect::<Vec<_>>()
        };
        let out = given(&mut lanes, fragment(0.0));
        assert_eq!(out, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0]);
        let out = given(&mut lanes, fragment(6.0));
        assert_eq!(out[..4], [5.5, 6.0, 6.5, 7.0]);
        lanes.close();
        assert_eq!(lanes.pop(), Some((Track::Audio, 11.5)));
        assert_eq!(lanes.pop(), None);
    }

    #[test]
    fn a_track_that_stops_is_waited_for_once() {
        let mut lanes = Interleave::new(4.0, true);
        assert_eq!(given(&mut lanes, [0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0]), [0.0, 0.5]);
        assert_eq!(given(&mut lanes, [6.0, 7.0]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        // It comes again.
        assert_eq!(given(&mut lanes, [8.5, 9.0]), [8.5]);
        assert_eq!(given(&mut lanes, [9.5]), [9.0]);
    }

    #[test]
    fn sound_that_begins_later_is_waited_for_from_then_on() {
        let mut lanes = Interleave::new(4.0, false);
        assert_eq!(given(&mut lanes, [0.0, 1.0]), [0.0, 1.0]);
        assert_eq!(given(&mut lanes, [1.5, 2.0, 3.0, 2.5]), [1.5, 2.0, 2.5]);
    }

    #[test]
    fn a_jump_of_both_holds_neither_back() {
        let mut lanes = Interleave::new(4.0, true);
        let out =
            given(&mut lanes, [100.0, 100.5, 0.0, 101.0, 101.5, 1.0, 0.5, 2.0, 1.5, 3.0, 2.5]);
        assert_eq!(out, [100.0, 100.5, 0.0, 101.0, 101.5, 0.5, 1.0, 1.5, 2.0, 2.5]);
    }

    #[test]
    fn what_has_no_time_comes_with_what_was_before_it() {
        let mut lanes = Interleave::new(4.0, true);
        lanes.push(Track::Video, Some(3.0), 1);
        lanes.push(Track::Video, None, 2);
        lanes.push(Track::Audio, Some(3.5), 3);
        let out: Vec<_> = std::iter::from_fn(|| lanes.pop()).map(|(_, packet)| packet).collect();
        assert_eq!(out, [1, 2]);
    }
}
