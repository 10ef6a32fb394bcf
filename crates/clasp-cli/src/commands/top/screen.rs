//! The whole terminal, for a view.

use std::io;
use std::pin::Pin;

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_core::Stream;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use ratatui::{DefaultTerminal, Frame};

use super::lines;
use super::view::View;

/// A terminal that is given back as it was.
pub(super) struct Screen {
    terminal: DefaultTerminal,
    events: EventStream,
}

/// What is on the screen.
pub(super) struct Shown<'a> {
    pub(super) view: &'a View,
    pub(super) url: &'a str,
    /// Why the view is an old one, if it is.
    pub(super) trouble: Option<&'a str>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It is not one that can be taken.
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self {
            terminal: ratatui::try_init()?,
            events: EventStream::new(),
        })
    }

    /// Draws anew, in the size that the terminal has now.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn draw(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        self.terminal.draw(|frame| draw(frame, shown))?;
        Ok(())
    }

    /// Waits for a key or a new size; true if the key ends the view.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) async fn key(&mut self) -> io::Result<bool> {
        let events = &mut self.events;
        let event = std::future::poll_fn(|cx| Pin::new(&mut *events).poll_next(cx)).await;
        match event {
            Some(event) => Ok(is_end(&event?)),
            None => Ok(true),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn is_end(event: &Event) -> bool {
    let Event::Key(KeyEvent {
        code,
        modifiers,
        kind: KeyEventKind::Press,
        ..
    }) = event
    else {
        return false;
    };
    match code {
        KeyCode::Char('q') | KeyCode::Esc => true,
        // The terminal makes no signal of it while the screen is ours.
        KeyCode::Char('c') => modifiers.contains(KeyModifiers::CONTROL),
        _ => false,
    }
}

fn draw(frame: &mut Frame<'_>, shown: &Shown<'_>) {
    let summary = lines::summary(shown.view);
    let rows = [
        Constraint::Length(summary.len() as u16 + 1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ];
    let [top, title, addresses, foot] = Layout::vertical(rows).areas(frame.area());
    let mut summary: Vec<_> = summary.into_iter().map(Line::from).collect();
    summary[0] = summary[0].clone().bold();
    frame.render_widget(Paragraph::new(summary), top);
    let titles = format!("{:>12}  {:<}", "messages/s", "address");
    let titles = format!("{titles:<width$}", width = usize::from(title.width));
    frame.render_widget(Line::styled(titles, Style::new().reversed()), title);
    let lines: Vec<_> = lines::addresses(shown.view).map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines), addresses);
    let words = match shown.trouble {
        Some(trouble) => Line::from(trouble).red(),
        None => Line::from(format!("{}   q ends", shown.url)).dim(),
    };
    frame.render_widget(words, foot);
}

#[cfg(test)]
mod tests {
    use clasp_server::{HotAddress, Top};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    /// What is on a screen of this size.
    fn drawn(width: u16, height: u16, trouble: Option<&str>) -> String {
        let now = Top {
            name: "Stage".to_owned(),
            version: "0.1.0".to_owned(),
            uptime_seconds: 2.0,
            addresses: vec![HotAddress {
                address: "/hot".to_owned(),
                count: 10,
                excess: 0,
            }],
            ..Top::default()
        };
        let shown = Shown {
            view: &View::between(&Top::default(), &now, 9),
            url: "http://localhost:9090",
            trouble,
        };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, &shown)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_view_has_its_place_on_any_screen() {
        let screen = drawn(60, 12, None);
        let lines: Vec<_> = screen
            .lines()
            .map(|line| line.trim_matches('"').trim())
            .collect();
        assert_eq!(lines[0], "Stage 0.1.0, up 0 min 2 s");
        assert_eq!(lines[8], "messages/s  address");
        assert_eq!(lines[9], "5.0  /hot");
        assert_eq!(lines[11], "http://localhost:9090   q ends");
        assert!(drawn(60, 12, Some("gone")).contains("gone"));
        for (width, height) in [(1, 1), (5, 3), (300, 100)] {
            drawn(width, height, None);
        }
    }

    #[test]
    fn some_keys_end_the_view() {
        let press = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
        for (event, expected) in [
            (press(KeyCode::Char('q'), KeyModifiers::NONE), true),
            (press(KeyCode::Esc, KeyModifiers::NONE), true),
            (press(KeyCode::Char('c'), KeyModifiers::CONTROL), true),
            (press(KeyCode::Char('c'), KeyModifiers::NONE), false),
            (press(KeyCode::Up, KeyModifiers::NONE), false),
            (Event::Resize(80, 24), false),
        ] {
            assert_eq!(is_end(&event), expected, "{event:?}");
        }
    }
}
