//! The picture: a head, a table, and a line of keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Clear, Paragraph, Row, Table, TableState};

use super::model::{Choice, View};
use crate::fleet::Fleet;
use crate::output::{Tone, counted, harmless, rate};
use crate::services::line;

/// All that a picture is made of.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) choice: Choice,
    pub(super) address: String,
    pub(super) fleet: Option<Fleet>,
    /// The reason why there are no new numbers.
    pub(super) trouble: Option<String>,
    pub(super) is_held: bool,
    pub(super) is_filtering: bool,
    pub(super) has_help: bool,
    pub(super) selected: usize,
    pub(super) has_colours: bool,
    /// Number of rows of the last picture.
    pub(super) rows: usize,
}

const HELP: &str = concat!(
    " 1 to 5, Tab     services, actions, callers, workers, jobs in flight\n",
    " <, > or F6      sort by another column\n",
    " r               turn the order round\n",
    " / or F4         filter; Enter keeps the filter, Esc removes it\n",
    " Up, Down        select a row; Page Up, Page Down, Home, End\n",
    " Space           hold the picture, or go on\n",
    " q or F10        end\n",
    "\n",
    " An idle service of PySOA leaves no trace; --service NAME shows it.\n",
    " Any key closes this help."
);

impl Screen {
    fn style(&self, tone: Tone) -> Style {
        let style = Style::default();
        let coloured = |colour| match self.has_colours {
            true => style.fg(colour),
            false => style,
        };
        match tone {
            Tone::Plain => style,
            Tone::Dim => style.add_modifier(Modifier::DIM),
            Tone::Strong => style.add_modifier(Modifier::BOLD),
            Tone::Good => coloured(Color::Green),
            Tone::Warning => coloured(Color::Yellow),
            // Not by colour alone.
            Tone::Bad => coloured(Color::Red).add_modifier(Modifier::BOLD),
        }
    }

    pub(super) fn draw(&mut self, frame: &mut Frame<'_>) {
        let [head, tabs, table, foot] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Min(3),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        frame.render_widget(Paragraph::new(self.head()), head);
        let rates = self.rates();
        let width = u16::try_from(rates.width()).unwrap_or(u16::MAX);
        let [tabs, right] =
            Layout::horizontal([Constraint::Min(0), Constraint::Length(width)]).areas(tabs);
        frame.render_widget(Paragraph::new(self.tabs()), tabs);
        frame.render_widget(Paragraph::new(rates), right);
        self.draw_table(frame, table);
        frame.render_widget(Paragraph::new(self.foot()), foot);
        if self.has_help {
            let area = middle(frame.area(), 70, 10);
            frame.render_widget(Clear, area);
            let reversed = Style::default().add_modifier(Modifier::REVERSED);
            frame.render_widget(Paragraph::new(HELP).style(reversed), area);
        }
    }

    fn head(&self) -> Line<'_> {
        let title = Span::styled("soa top", self.style(Tone::Strong));
        let told = match &self.fleet {
            None => format!("  {}  looking …", self.address),
            Some(fleet) => {
                let services = fleet.services.values();
                let workers: usize = services.clone().map(|service| service.workers.len()).sum();
                let depth: u64 = services.map(|service| service.queue.depth).sum();
                format!(
                    "  {}  {}, {}, {depth} waiting",
                    self.address,
                    counted(fleet.services.len(), "service"),
                    counted(workers, "worker")
                )
            }
        };
        let held = if self.is_held { "  HELD" } else { "" };
        Line::from(vec![
            title,
            Span::raw(told),
            Span::styled(held, self.style(Tone::Warning)),
        ])
    }

    /// The rates of the fleet.
    fn rates(&self) -> Line<'_> {
        let services = self.fleet.iter().flat_map(|fleet| &fleet.services);
        let lines: Vec<_> = services
            .map(|(name, service)| line(name, service))
            .collect();
        let calls: f64 = lines.iter().filter_map(|line| line.rate_out).sum();
        let errors: f64 = lines.iter().filter_map(|line| line.errors).sum();
        Line::from(format!("{}  {} errors", rate(calls), rate(errors))).right_aligned()
    }

    fn tabs(&self) -> Line<'_> {
        let mut spans = Vec::new();
        for (number, view) in (1..).zip(View::ALL) {
            let style = match view == self.choice.view {
                true => Style::default().add_modifier(Modifier::REVERSED),
                false => Style::default(),
            };
            spans.push(Span::styled(format!(" {number} {} ", view.title()), style));
            spans.push(Span::raw(" "));
        }
        Line::from(spans)
    }

    fn draw_table(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let headings = self.choice.view.headings();
        let rows = match &self.fleet {
            Some(fleet) => self.choice.rows(fleet),
            None => Vec::new(),
        };
        self.rows = rows.len();
        self.selected = self.selected.min(rows.len().saturating_sub(1));
        if rows.is_empty() && self.fleet.is_some() {
            let why = match (self.choice.filter.is_empty(), self.choice.view) {
                (false, _) => "nothing fits the filter; Esc removes it",
                (true, View::Services) => {
                    "no service can be seen: no queue holds a request, and no worker tells a record"
                }
                (true, View::Jobs) => "no job is in flight",
                (true, _) => "no worker tells a record: those of PySOA do not",
            };
            frame.render_widget(Paragraph::new(why).style(self.style(Tone::Dim)), area);
            return;
        }
        let mut widths: Vec<usize> = headings
            .iter()
            .map(|name| name.trim_start_matches('>').len() + 1)
            .collect();
        for row in &rows {
            for (most, field) in widths.iter_mut().zip(row) {
                *most = (*most).max(field.text.chars().count());
            }
        }
        let constraints = widths.iter().enumerate().map(|(index, width)| {
            let width = u16::try_from(*width).unwrap_or(u16::MAX);
            // The first column gives way where there is no room.
            match index {
                0 => Constraint::Max(width.max(8)),
                _ => Constraint::Length(width),
            }
        });
        let constraints: Vec<Constraint> = constraints.collect();
        let heading = headings.iter().enumerate().map(|(index, name)| {
            let mark = match (index == self.choice.column, self.choice.is_ascending) {
                (false, _) => "",
                (true, true) => "↑",
                (true, false) => "↓",
            };
            let plain = name.trim_start_matches('>');
            let text = Line::from(format!("{plain}{mark}"));
            Cell::from(match name.starts_with('>') {
                true => text.right_aligned(),
                false => text,
            })
        });
        let heading = Row::new(heading).style(Style::default().add_modifier(Modifier::REVERSED));
        let shown = rows.iter().map(|row| {
            let cells = row.iter().zip(headings).map(|(field, name)| {
                let text = Line::styled(field.text.clone(), self.style(field.tone));
                Cell::from(match name.starts_with('>') {
                    true => text.right_aligned(),
                    false => text,
                })
            });
            Row::new(cells)
        });
        let table = Table::new(shown, constraints)
            .header(heading)
            .row_highlight_style(Style::default().add_modifier(Modifier::UNDERLINED));
        let mut state = TableState::default().with_selected(Some(self.selected));
        frame.render_stateful_widget(table, area, &mut state);
    }

    fn foot(&self) -> Line<'_> {
        if let Some(trouble) = &self.trouble {
            let text = format!("no new numbers: {}", harmless(trouble));
            return Line::styled(text, self.style(Tone::Bad));
        }
        if self.is_filtering {
            return Line::from(format!("filter: {}▏", self.choice.filter));
        }
        let filter = match self.choice.filter.as_str() {
            "" => String::new(),
            filter => format!("filter: {filter}   "),
        };
        let keys = "F1 help  Tab view  < > sort  r reverse  / filter  Space hold  q quit";
        Line::styled(format!("{filter}{keys}"), self.style(Tone::Dim))
    }
}

/// A part in the middle of an area.
fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}
