//! The exposition: a reading in the text format of Prometheus. docs/metrics.md explains each metric.

use std::fmt;

use clasp_proto::Code;
use clasp_router::FANOUT_BOUNDS;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet, prometheus_text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use super::{BOUNDS_MICROS, Kind, Reading, latency};
use crate::counters::Ending;

/// The metrics of a reading as text.
pub(crate) fn exposition(reading: Reading) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(reading));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).expect("a string takes any text");
    text
}

impl Collector for Reading {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.sessions(&mut page)?;
        self.messages(&mut page)?;
        self.losses(&mut page)?;
        self.connections(&mut page)?;
        self.files(&mut page)?;
        self.journal(&mut page)?;
        self.process(&mut page)
    }
}

impl Reading {
    fn sessions(&self, page: &mut Page<'_>) -> fmt::Result {
        page.gauge(
            "clasp_ready",
            "1 while clients may be sent here, else 0",
            u32::from(self.is_ready),
        )?;
        page.gauge("clasp_sessions_active", "Sessions", self.sessions)?;
        page.gauge(
            "clasp_subscriptions_active",
            "Subscriptions of all sessions",
            self.subscriptions,
        )?;
        page.gauge("clasp_state_params_active", "Stored params", self.params)?;
        page.gauge(
            "clasp_queued_bytes",
            "Bytes that wait to be sent to all sessions",
            self.queued_bytes,
        )?;
        page.gauge(
            "clasp_queued_bytes_max",
            "Bytes that wait for the session with most of them",
            self.queued_bytes_max,
        )
    }

    fn messages(&self, page: &mut Page<'_>) -> fmt::Result {
        let (totals, tally) = (&self.totals, &self.totals.tally);
        let labels = Kind::ALL.map(|kind| [("type", kind.label().to_owned())]);
        page.counters(
            "clasp_messages",
            "Messages received, by type",
            labels.iter().zip(totals.messages),
        )?;
        let times = labels.iter().enumerate().filter_map(|(kind, label)| {
            let has_any = totals.latency[kind].iter().any(|count| *count > 0);
            let is_told = has_any || kind == Kind::Set as usize;
            let seconds = totals.latency_nanos[kind] as f64 / NANOS;
            is_told.then_some((label, seconds, &totals.latency[kind]))
        });
        page.histograms(
            "clasp_message_latency_seconds",
            "Handling time of a message: that of its batch, shared out",
            &latency::BOUNDS_NANOS.map(|nanos| nanos as f64 / NANOS),
            times,
        )?;
        page.histogram(
            "clasp_broadcast_fanout",
            "Sessions that a SET or PUBLISH went to",
            &FANOUT_BOUNDS.map(|bound| bound as f64),
            (tally.fanout_sum as f64, &tally.fanout),
        )?;
        for (name, help, count) in [
            (
                "clasp_deliveries",
                "Copies of messages handed to subscribers",
                tally.deliveries,
            ),
            (
                "clasp_received_bytes",
                "Bytes received from sessions",
                totals.received_bytes,
            ),
            (
                "clasp_sent_bytes",
                "Bytes sent to sessions",
                totals.sent_bytes,
            ),
        ] {
            page.counter(name, help, count)?;
        }
        Ok(())
    }

    fn losses(&self, page: &mut Page<'_>) -> fmt::Result {
        let codes = Code::ALL.map(|code| [("code", code.number().to_string())]);
        page.counters(
            "clasp_errors",
            "ERROR messages sent, by code",
            codes.iter().zip(self.totals.tally.errors),
        )?;
        let dropped = self.dropped();
        let reasons = dropped.map(|(reason, _)| [("reason", reason.to_owned())]);
        page.counters(
            "clasp_dropped_messages",
            "Messages that were not passed on, by reason",
            reasons.iter().zip(dropped.map(|(_, count)| count)),
        )?;
        page.counter(
            "clasp_superseded_values",
            "Values that a newer one replaced before they were sent",
            self.totals.tally.superseded,
        )?;
        page.counter(
            "clasp_discarded_bytes",
            "Bytes that waited for slow consumers when these were closed",
            self.totals.tally.discarded_bytes,
        )?;
        let reasons = Ending::ALL.map(|ending| [("reason", ending.label().to_owned())]);
        page.counters(
            "clasp_sessions_ended",
            "Sessions that ended, by reason",
            reasons.iter().zip(self.ended),
        )
    }

    fn connections(&self, page: &mut Page<'_>) -> fmt::Result {
        for (name, help, count) in [
            (
                "clasp_connections_accepted",
                "Connections taken in",
                self.accepted,
            ),
            (
                "clasp_connections_turned_away",
                "Connections refused because there were too many",
                self.turned_away,
            ),
            (
                "clasp_connections_displaced",
                "Connections that did not greet in time to keep their place",
                self.displaced,
            ),
            (
                "clasp_accept_failures",
                "Times that the system could not give a connection",
                self.accept_failures,
            ),
            (
                "clasp_panics",
                "Connections ended by a defect of this program",
                self.panicked,
            ),
        ] {
            page.counter(name, help, count)?;
        }
        let reasons = ["no_token", "wrong_token"].map(|reason| [("reason", reason.to_owned())]);
        page.counters(
            "clasp_auth_failures",
            "Peers without the token that is asked for, by reason",
            reasons.iter().zip([self.no_token, self.wrong_token]),
        )?;
        let results = self
            .logins
            .map(|(result, _)| [("result", result.to_owned())]);
        page.counters(
            "clasp_logins",
            "Logins at the auth port, by result",
            results.iter().zip(self.logins.map(|(_, count)| count)),
        )
    }

    fn files(&self, page: &mut Page<'_>) -> fmt::Result {
        page.gauges(
            "clasp_snapshot_age_seconds",
            "Seconds since the state was last written",
            self.snapshot_age,
        )?;
        page.counter(
            "clasp_snapshot_failures",
            "Times that the state could not be written",
            self.snapshot_failures,
        )?;
        page.gauges(
            "clasp_certificate_expiry_seconds",
            "Seconds until the certificate expires",
            self.certificate_expiry,
        )?;
        let results = ["ok", "failed"].map(|result| [("result", result.to_owned())]);
        page.counters(
            "clasp_certificate_reloads",
            "Times that the certificate was read again, by result",
            results.iter().zip([self.reloads, self.reload_failures]),
        )
    }

    fn journal(&self, page: &mut Page<'_>) -> fmt::Result {
        let journal = self.journal.as_ref();
        page.gauges(
            "clasp_journal_durable_sequence",
            "Number of the last write that is durable",
            journal.map(|journal| journal.durable),
        )?;
        page.gauges(
            "clasp_journal_waiting_writes",
            "Writes that are done and not durable yet",
            journal.map(|journal| journal.waiting),
        )?;
        page.gauges(
            "clasp_journal_stopped",
            "1 while nothing becomes durable, else 0",
            journal.map(|journal| u32::from(journal.has_stopped)),
        )?;
        let (name, help) = (
            "clasp_journal_commit_seconds",
            "Time from one commit to the next while writes wait",
        );
        let Some(journal) = journal else {
            return page
                .descriptor(name, help, MetricType::Histogram)
                .map(|_| ());
        };
        page.histogram(
            name,
            help,
            &BOUNDS_MICROS.map(|micros| micros as f64 / MICROS),
            (journal.commit_micros as f64 / MICROS, &journal.commits),
        )
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION").to_owned())];
        let mut info =
            page.descriptor("clasp_build_info", "1, with the version", MetricType::Gauge)?;
        info.encode_family(&version)?.encode_gauge(&1_i64)?;
        page.gauge(
            "clasp_start_time_seconds",
            "When the server started, since 1970",
            self.started_at,
        )?;
        let resources = &self.resources;
        page.gauges(
            "process_resident_memory_bytes",
            "Memory in use",
            resources.resident_bytes,
        )?;
        page.gauges(
            "process_open_fds",
            "File descriptors in use",
            resources.open_files,
        )?;
        page.gauges(
            "process_max_fds",
            "File descriptors that may be in use",
            resources.open_files_max,
        )
    }
}

/// A page that is being written, a metric at a time.
struct Page<'a>(DescriptorEncoder<'a>);

/// One label, with its value.
type Label = [(&'static str, String); 1];

impl Page<'_> {
    fn descriptor<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.gauges(name, help, Some(value))
    }

    /// Without a value the metric is named, and that is all.
    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        value: Option<impl EncodeGaugeValue>,
    ) -> fmt::Result {
        let mut encoder = self.descriptor(name, help, MetricType::Gauge)?;
        value.map_or(Ok(()), |value| encoder.encode_gauge(&value))
    }

    /// The name gets `_total` at its end.
    fn counter(&mut self, name: &str, help: &str, count: u64) -> fmt::Result {
        let mut encoder = self.descriptor(name, help, MetricType::Counter)?;
        encoder.encode_counter(&count, NO_EXEMPLAR)
    }

    fn counters<'l>(
        &mut self,
        name: &str,
        help: &str,
        counts: impl Iterator<Item = (&'l Label, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.descriptor(name, help, MetricType::Counter)?;
        for (label, count) in counts {
            let mut labelled = encoder.encode_family(label)?;
            labelled.encode_counter(&count, NO_EXEMPLAR)?;
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        bounds: &[f64],
        (sum, counts): (f64, &[u64]),
    ) -> fmt::Result {
        let mut encoder = self.descriptor(name, help, MetricType::Histogram)?;
        encode_histogram(&mut encoder, bounds, sum, counts)
    }

    fn histograms<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        bounds: &[f64],
        all: impl Iterator<Item = (&'l Label, f64, &'l [u64; N])>,
    ) -> fmt::Result {
        let mut encoder = self.descriptor(name, help, MetricType::Histogram)?;
        for (label, sum, counts) in all {
            encode_histogram(&mut encoder.encode_family(label)?, bounds, sum, counts)?;
        }
        Ok(())
    }
}

/// The last class has no bound.
fn encode_histogram(
    encoder: &mut MetricEncoder<'_>,
    bounds: &[f64],
    sum: f64,
    counts: &[u64],
) -> fmt::Result {
    let bounds = bounds.iter().copied().chain([f64::INFINITY]);
    let buckets: Vec<_> = bounds.zip(counts.iter().copied()).collect();
    encoder.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
}

const NO_EXEMPLAR: Option<&Exemplar<NoLabelSet, f64>> = None;

const MICROS: f64 = 1e6;
const NANOS: f64 = 1e9;
