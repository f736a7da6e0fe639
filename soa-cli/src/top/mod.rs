//! `soa top`: the fleet, live in the terminal.
//!
//! ```text
//! model    rows of the fleet, sorted and filtered      screen    the picture
//! ```
//!
//! A thread draws and reads the keys, while Redis is looked at beside it: a Redis that does not answer holds up nothing.

mod model;
mod screen;

use std::convert::Infallible;
use std::io::IsTerminal as _;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::arguments::TopArguments;
use crate::connect::{Redis, Target};
use crate::failure::{Failure, Reason};
use crate::fleet::Fleet;
use crate::output::Output;

use model::{Choice, View};
use screen::Screen;

/// Time that a key is waited for before the picture is drawn anew.
const KEY_WAIT: Duration = Duration::from_millis(100);

/// Number of rows of a page.
const PAGE: usize = 15;

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: TopArguments,
) -> Result<(), Failure> {
    if output.as_json || !std::io::stdout().is_terminal() {
        return Err(Failure::usage("`top` draws on a terminal")
            .advise("for programs there are `soa services --json` and `soa workers --json`"));
    }
    let redis = target.connect("top").await?;
    let screen = Screen {
        choice: Choice::of(View::Services),
        address: redis.address(),
        fleet: None,
        trouble: None,
        is_held: false,
        is_filtering: false,
        has_help: false,
        selected: 0,
        has_colours: output.is_coloured(),
        rows: 0,
    };
    let (send, looked) = channel(1);
    let shown = tokio::task::spawn_blocking(move || show(screen, looked));
    let ended = tokio::select! {
        ended = shown => ended,
        never = look(&redis, &arguments, send) => match never {},
    };
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(Reason::Bad, format!("the terminal fails: {error}"))
    };
    match ended {
        Ok(shown) => shown.map_err(|error| failed(&error)),
        Err(error) => Err(failed(&error)),
    }
}

/// Looks at the fleet again and again.
async fn look(
    redis: &Redis,
    arguments: &TopArguments,
    send: Sender<Result<Fleet, String>>,
) -> Infallible {
    loop {
        let fleet = redis.fleet(&arguments.service).await;
        let seen = fleet.map_err(|failure| failure.first_line());
        if send.send(seen).await.is_err() {
            // Whoever draws has ended, and so does this.
            return std::future::pending().await;
        }
        tokio::time::sleep(arguments.interval.get()).await;
    }
}

/// Draws and reads keys until the end. The terminal is as before afterwards, also after a panic.
fn show(mut screen: Screen, mut looked: Receiver<Result<Fleet, String>>) -> std::io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let outcome = loop {
        while let Ok(seen) = looked.try_recv() {
            match seen {
                Ok(fleet) => {
                    screen.trouble = None;
                    if !screen.is_held {
                        screen.fleet = Some(fleet);
                    }
                }
                Err(trouble) => screen.trouble = Some(trouble),
            }
        }
        if let Err(error) = terminal.draw(|frame| screen.draw(frame)) {
            break Err(error);
        }
        match event::poll(KEY_WAIT).and_then(|is_there| is_there.then(event::read).transpose()) {
            Ok(Some(Event::Key(key))) if key.kind == KeyEventKind::Press => {
                if screen.pressed(key) {
                    break Ok(());
                }
            }
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    ratatui::restore();
    outcome
}

impl Screen {
    /// Does what a key says. True if it ends the program.
    fn pressed(&mut self, key: KeyEvent) -> bool {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if is_control && key.code == KeyCode::Char('c') {
            return true;
        }
        if self.has_help {
            self.has_help = false;
            return false;
        }
        if self.is_filtering {
            self.typed(key.code);
            return false;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::F(10) => return true,
            KeyCode::Char('h' | '?') | KeyCode::F(1) => self.has_help = true,
            KeyCode::Char(digit @ '1'..='5') => {
                let index = digit
                    .to_digit(10)
                    .and_then(|digit| usize::try_from(digit).ok());
                let view = index.and_then(|index| View::ALL.get(index - 1));
                self.turn_to(view.copied());
            }
            KeyCode::Tab => self.turn_by(1),
            KeyCode::BackTab => self.turn_by(View::ALL.len() - 1),
            KeyCode::Char('/') | KeyCode::F(4) => self.is_filtering = true,
            KeyCode::Esc => self.choice.filter.clear(),
            KeyCode::Char(' ') => self.is_held = !self.is_held,
            KeyCode::Char('>' | '.') | KeyCode::Right | KeyCode::F(6) => self.sort_by(1),
            KeyCode::Char('<' | ',') | KeyCode::Left => {
                self.sort_by(self.choice.view.headings().len() - 1);
            }
            KeyCode::Char('r' | 'I') => self.choice.is_ascending = !self.choice.is_ascending,
            KeyCode::Up => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down => self.selected += 1,
            KeyCode::PageUp => self.selected = self.selected.saturating_sub(PAGE),
            KeyCode::PageDown => self.selected += PAGE,
            KeyCode::Home => self.selected = 0,
            KeyCode::End => self.selected = self.rows,
            _ => {}
        }
        false
    }

    fn typed(&mut self, code: KeyCode) {
        match code {
            KeyCode::Char(character) => self.choice.filter.push(character),
            KeyCode::Backspace => drop(self.choice.filter.pop()),
            KeyCode::Enter => self.is_filtering = false,
            KeyCode::Esc => {
                self.choice.filter.clear();
                self.is_filtering = false;
            }
            _ => {}
        }
    }

    fn turn_to(&mut self, view: Option<View>) {
        if let Some(view) = view.filter(|view| *view != self.choice.view) {
            let filter = std::mem::take(&mut self.choice.filter);
            self.choice = Choice {
                filter,
                ..Choice::of(view)
            };
            self.selected = 0;
        }
    }

    fn turn_by(&mut self, steps: usize) {
        let place = View::ALL.iter().position(|view| *view == self.choice.view);
        let next = (place.unwrap_or(0) + steps) % View::ALL.len();
        self.turn_to(View::ALL.get(next).copied());
    }

    fn sort_by(&mut self, steps: usize) {
        let columns = self.choice.view.headings().len();
        self.choice.column = (self.choice.column + steps) % columns;
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::fleet::{Queue, Service};

    fn screen() -> Screen {
        let mut fleet = Fleet::default();
        for number in 0..40 {
            let service = Service {
                queue: Queue {
                    depth: number,
                    ..Queue::default()
                },
                ..Service::default()
            };
            fleet
                .services
                .insert(format!("service-{number:02}"), service);
        }
        Screen {
            choice: Choice::of(View::Services),
            address: "127.0.0.1:6379".to_owned(),
            fleet: Some(fleet),
            trouble: None,
            is_held: false,
            is_filtering: false,
            has_help: false,
            selected: 0,
            has_colours: false,
            rows: 0,
        }
    }

    fn drawn(screen: &mut Screen) -> String {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    fn press(screen: &mut Screen, keys: &str) -> bool {
        let mut ends = false;
        for key in keys.chars() {
            ends = screen.pressed(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE));
        }
        ends
    }

    #[test]
    fn a_screen_of_80_by_24_shows_all_columns() {
        let mut screen = screen();
        let picture = drawn(&mut screen);
        for part in ["SERVICE", "DEPTH", "P99", "40 services", "q quit"] {
            assert!(picture.contains(part), "{part} in\n{picture}");
        }
        press(&mut screen, ">>>>>");
        assert_eq!(screen.choice.column, 1);
        assert!(drawn(&mut screen).contains("DEPTH↓"));
    }

    #[test]
    fn keys_filter_turn_hold_and_end() {
        let mut screen = screen();
        press(&mut screen, "/service-3");
        assert!(screen.is_filtering);
        let picture = drawn(&mut screen);
        assert!(
            picture.contains("service-39") && !picture.contains("service-21"),
            "{picture}"
        );
        screen.pressed(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
        assert!(!screen.is_filtering && screen.choice.filter.is_empty());
        press(&mut screen, "2");
        assert!(drawn(&mut screen).contains("no worker tells a record"));
        press(&mut screen, " ?");
        assert!(screen.is_held && drawn(&mut screen).contains("Any key closes this help"));
        press(&mut screen, "x");
        assert!(press(&mut screen, "q"));
        screen.trouble = Some("Redis is gone".to_owned());
        assert!(drawn(&mut screen).contains("no new numbers: Redis is gone"));
    }
}
