//! A view as text.

use super::view::View;

/// Everything, the hottest addresses last.
pub(super) fn of(view: &View) -> Vec<String> {
    let mut lines = summary(view);
    if !view.addresses.is_empty() {
        lines.push(format!("{:>12}  address", "messages/s"));
        lines.extend(addresses(view));
    }
    lines
}

/// Everything but the addresses.
pub(super) fn summary(view: &View) -> Vec<String> {
    let now = &view.now;
    let memory = now.resident_bytes.map_or_else(String::new, |resident| {
        format!("   memory {}", bytes(resident as f64))
    });
    vec![
        format!(
            "{} {}, up {}",
            printable(&now.name),
            printable(&now.version),
            time(now.uptime_seconds)
        ),
        format!(
            "sessions {}   subscriptions {}   params {}{memory}",
            now.sessions, now.subscriptions, now.params
        ),
        format!(
            "in       {}/s   {}/s{}",
            number(view.received),
            bytes(view.received_bytes),
            rates(&view.types)
        ),
        format!(
            "out      {}/s   {}/s",
            number(view.delivered),
            bytes(view.sent_bytes)
        ),
        format!(
            "waiting  {}   longest queue {}",
            bytes(now.queued_bytes as f64),
            bytes(now.queued_bytes_max as f64)
        ),
        format!(
            "lost     superseded {} ({}/s)   slow consumers {}{}",
            now.superseded,
            number(view.superseded),
            view.slow_consumers(),
            totals(&view.dropped, &now.dropped)
        ),
        format!("errors {}", totals(&view.errors, &now.errors)),
    ]
}

/// The addresses, each with its rate.
pub(super) fn addresses(view: &View) -> impl Iterator<Item = String> {
    let addresses = view.addresses.iter();
    addresses.map(|(address, rate)| format!("{:>12}  {}", number(*rate), printable(address)))
}

fn rates(rates: &[(String, f64)]) -> String {
    let some = rates.iter().filter(|(_, rate)| *rate > 0.0);
    some.map(|(name, rate)| format!("   {} {}", printable(name), number(*rate)))
        .collect()
}

fn totals(rates: &[(String, f64)], totals: &std::collections::BTreeMap<String, u64>) -> String {
    if rates.is_empty() {
        return "   none".to_owned();
    }
    let of = |(name, rate): &(String, f64)| {
        let total = totals.get(name).copied().unwrap_or_default();
        format!("   {} {total} ({}/s)", printable(name), number(*rate))
    };
    rates.iter().map(of).collect()
}

/// Short enough for a column.
fn number(rate: f64) -> String {
    match rate {
        rate if rate >= 10_000.0 => scaled(rate, 1000.0, &["", "k", "M", "G"]),
        rate if rate >= 100.0 || rate == 0.0 => format!("{rate:.0}"),
        rate => format!("{rate:.1}"),
    }
}

fn bytes(bytes: f64) -> String {
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB"])
}

fn scaled(mut value: f64, step: f64, units: &[&str]) -> String {
    let mut units = units.iter().peekable();
    while let Some(unit) = units.next() {
        if value < step || units.peek().is_none() {
            let space = if step == 1024.0 { " " } else { "" };
            let is_whole = value.fract() == 0.0 || value >= 100.0;
            let digits = usize::from(!is_whole);
            return format!("{value:.digits$}{space}{unit}");
        }
        value /= step;
    }
    String::new()
}

fn time(seconds: f64) -> String {
    let seconds = seconds as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {} s", seconds % 60),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// What comes from elsewhere must not steer the terminal.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use clasp_server::Top;

    use super::*;

    #[test]
    fn figures_have_a_few_digits() {
        for (rate, expected) in [
            (0.0, "0"),
            (0.54, "0.5"),
            (99.9, "99.9"),
            (1234.5, "1234"),
            (12_345.0, "12.3k"),
            (7_654_321.0, "7.7M"),
        ] {
            assert_eq!(number(rate), expected);
        }
        for (count, expected) in [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1536.0, "1.5 KiB"),
            (300.0 * 1024.0 * 1024.0, "300 MiB"),
            (5e13, "46566 GiB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
        for (seconds, expected) in [
            (59.9, "0 min 59 s"),
            (3661.0, "1 h 1 min"),
            (200_000.0, "2 d 7 h"),
        ] {
            assert_eq!(time(seconds), expected);
        }
    }

    #[test]
    fn a_view_is_text_that_steers_no_terminal() {
        let now = Top {
            name: "Stage\x1b[2J".to_owned(),
            version: "0.1.0".to_owned(),
            uptime_seconds: 2.0,
            sessions: 3,
            messages: [("set".to_owned(), 10)].into(),
            errors: [("201".to_owned(), 4)].into(),
            resident_bytes: Some(1024),
            addresses: vec![clasp_server::HotAddress {
                address: "/a".to_owned(),
                count: 10,
                excess: 0,
            }],
            ..Top::default()
        };
        let view = View::between(&Top::default(), &now, 9);
        let expected = [
            "Stage?[2J 0.1.0, up 0 min 2 s",
            "sessions 3   subscriptions 0   params 0   memory 1 KiB",
            "in       5.0/s   0 B/s   set 5.0",
            "out      0/s   0 B/s",
            "waiting  0 B   longest queue 0 B",
            "lost     superseded 0 (0/s)   slow consumers 0   none",
            "errors    201 4 (2.0/s)",
            "  messages/s  address",
            "         5.0  /a",
        ];
        assert_eq!(of(&view), expected);
    }
}
