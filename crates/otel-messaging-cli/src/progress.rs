//! How far a look is, while a person waits for it.

use indicatif::{
    HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};
use std::fmt::Write;
use std::time::Duration;

/// A line on standard error, hidden where that is no terminal. Until its length is set, it has neither a bar nor a
/// time to the end.
pub(crate) fn progress() -> ProgressBar {
    drawn_on(ProgressDrawTarget::stderr())
}

fn drawn_on(target: ProgressDrawTarget) -> ProgressBar {
    let progress = ProgressBar::with_draw_target(None, target).with_style(style());
    if !progress.is_hidden() {
        // A look that waits for messages shows that it lives.
        progress.enable_steady_tick(Duration::from_millis(200));
    }
    progress
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner:.cyan} {bar}{human_pos}{of} messages  {rate}{left}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key("bar", bar)
        .with_key("of", |state: &ProgressState, line: &mut dyn Write| {
            if let Some(length) = state.len() {
                let _ = write!(line, " of {}", HumanCount(length));
            }
        })
        .with_key("rate", |state: &ProgressState, line: &mut dyn Write| {
            let _ = write!(line, "{}/s", HumanCount(state.per_sec().round() as u64));
        })
        .with_key("left", |state: &ProgressState, line: &mut dyn Write| {
            if state.len().is_some() && state.pos() > 0 && !state.is_finished() {
                let _ = write!(line, "  {} left", HumanDuration(state.eta()));
            }
        })
}

const BAR: u64 = 20;

fn bar(state: &ProgressState, line: &mut dyn Write) {
    let Some(length) = state.len() else { return };
    let position = state.pos().min(length);
    let done = u128::from(position) * u128::from(BAR) / u128::from(length.max(1));
    for cell in 0..u128::from(BAR) {
        let _ = line.write_char(if cell < done { '━' } else { '╌' });
    }
    let _ = line.write_str("  ");
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::io;
    use std::sync::{Arc, Mutex};

    /// A terminal that remembers what is written to it.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            100
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
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().unwrap().clear();
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(change: impl FnOnce(&ProgressBar)) -> String {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let progress = drawn_on(target);
        progress.disable_steady_tick();
        change(&progress);
        progress.force_draw();
        screen.0.lock().unwrap().clone()
    }

    #[test]
    fn messages_are_counted_while_their_number_is_not_known() {
        let line = shown(|progress| progress.set_position(1_234_567));
        assert!(line.contains(" 1,234,567 messages  "), "{line}");
        assert!(line.contains("/s"), "{line}");
        for absent in [" of ", "left", "━", "╌"] {
            assert!(!line.contains(absent), "{line}");
        }
    }

    #[test]
    fn a_known_number_shows_a_bar_and_the_time_left() {
        let line = shown(|progress| {
            progress.set_length(2_000);
            progress.set_position(500);
        });
        assert!(
            line.contains(&format!(
                "{}{}  500 of 2,000 messages",
                "━".repeat(5),
                "╌".repeat(15)
            )),
            "{line}"
        );
        assert!(line.trim_end().ends_with(" left"), "{line}");
    }

    #[test]
    fn a_length_of_nothing_and_a_position_beyond_the_length_are_drawn() {
        let line = shown(|progress| progress.set_length(0));
        assert!(line.contains("0 of 0 messages"), "{line}");
        let line = shown(|progress| {
            progress.set_length(10);
            progress.set_position(u64::MAX);
        });
        assert!(line.contains(&"━".repeat(20)), "{line}");
    }

    #[test]
    fn nothing_is_drawn_where_standard_error_is_no_terminal() {
        let drawn = ProgressDrawTarget::hidden();
        assert!(drawn_on(drawn).is_hidden());
    }
}
