//! Progress bars on the terminal, and how others write there without tearing them.

use std::sync::{PoisonError, RwLock};

use indicatif::MultiProgress;

/// Bars on the terminal that lines must not tear.
static BARS: RwLock<Option<MultiProgress>> = RwLock::new(None);

/// Writes log lines above `bars` until the returned guard is dropped.
pub fn keep_bars(bars: &MultiProgress) -> BarsGuard {
    *BARS.write().unwrap_or_else(PoisonError::into_inner) = Some(bars.clone());
    BarsGuard(())
}

/// Ends what [`keep_bars`] began.
#[must_use = "lines tear the bars once this is dropped"]
pub struct BarsGuard(());

impl Drop for BarsGuard {
    fn drop(&mut self) {
        *BARS.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Runs `write` while the bars, if there are any, are off the terminal.
///
/// `write` must neither log nor touch the bars: it would wait for itself.
pub(super) fn suspend<R>(write: impl FnOnce() -> R) -> R {
    let bars = BARS.read().unwrap_or_else(PoisonError::into_inner).clone();
    match bars {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A terminal that notes what is done to it.
    #[derive(Debug, Clone, Default)]
    struct Terminal(Arc<Mutex<Vec<String>>>);

    impl Terminal {
        fn note(&self, what: &str) -> io::Result<()> {
            self.0.lock().unwrap().push(what.to_owned());
            Ok(())
        }

        fn taken(&self) -> String {
            std::mem::take(&mut *self.0.lock().unwrap()).concat()
        }
    }

    impl indicatif::TermLike for Terminal {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.note(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.note(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.note("<cleared>")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_while_the_bars_are_away() {
        let terminal = Terminal::default();
        let target = indicatif::ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let bars = MultiProgress::with_draw_target(target);
        let style = indicatif::ProgressStyle::with_template("{msg}").unwrap();
        let bar = bars.add(indicatif::ProgressBar::new(10).with_style(style));
        bar.set_message("reading");
        bar.tick();
        assert!(terminal.taken().contains("reading"));

        let guard = keep_bars(&bars);
        suspend(|| terminal.note("<line>").unwrap());
        let done = terminal.taken();
        let (before, after) = done.split_once("<line>").unwrap();
        assert!(before.contains("<cleared>") && !before.contains("reading"), "{done}");
        assert!(after.contains("reading"), "the bar is drawn again: {done}");

        drop(guard);
        suspend(|| terminal.note("<line>").unwrap());
        assert_eq!(terminal.taken(), "<line>", "no longer looked after");
    }
}
