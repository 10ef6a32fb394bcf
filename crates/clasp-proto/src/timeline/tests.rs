//! Timelines: curves, interpolation, ends, and the map form.

use super::*;
use crate::error::TimelineError;

fn keyframe(time: u64, value: impl Into<Value>, easing: Easing) -> Keyframe {
    Keyframe {
        time,
        value: value.into(),
        easing,
        bezier: None,
    }
}

fn between(from: impl Into<Value>, to: impl Into<Value>, easing: Easing) -> Timeline {
    let keyframes = vec![
        keyframe(100, from, easing),
        keyframe(200, to, Easing::Linear),
    ];
    Timeline {
        keyframes,
        ..Timeline::default()
    }
}

fn check(timeline: &Timeline, expected: &[(u64, Value)]) {
    for (elapsed, value) in expected {
        assert_eq!(
            timeline.value_at(*elapsed).as_ref(),
            Some(value),
            "at {elapsed}"
        );
    }
}

#[test]
fn every_curve_starts_and_ends_at_the_keyframes() {
    for easing in Easing::ALL {
        let timeline = between(0.0, 8.0, easing);
        check(
            &timeline,
            &[
                (0, 0.0.into()),
                (100, 0.0.into()),
                (200, 8.0.into()),
                (300, 8.0.into()),
            ],
        );
    }
}

// protocol/router.md 8.10
#[test]
fn the_shape_of_every_curve() {
    for (easing, quarter, half, three_quarters) in [
        (Easing::Linear, 2.0, 4.0, 6.0),
        (Easing::EaseIn, 0.5, 2.0, 4.5),
        (Easing::EaseOut, 3.5, 6.0, 7.5),
        (Easing::EaseInOut, 1.0, 4.0, 7.0),
        (Easing::Step, 0.0, 0.0, 0.0),
        (Easing::CubicBezier, 2.0, 4.0, 6.0),
    ] {
        let expected = [(125, quarter), (150, half), (175, three_quarters)];
        let expected = expected.map(|(elapsed, value)| (elapsed, Value::Float(value)));
        check(&between(0.0, 8.0, easing), &expected);
    }
}

#[test]
fn bezier_curves() {
    // The well-known values of the "ease" curve, and a curve that leaves the unit square.
    for (points, share, expected) in [
        ([0.25, 0.1, 0.25, 1.0], 0.25, 0.4085),
        ([0.25, 0.1, 0.25, 1.0], 0.5, 0.8024),
        ([0.0, 0.0, 1.0, 1.0], 0.3, 0.3),
        ([0.5, -1.0, 0.5, 2.0], 0.5, 0.5),
    ] {
        let mut from = keyframe(0, 0.0, Easing::CubicBezier);
        from.bezier = Some(points);
        let found = from.ease(share);
        assert!(
            (found - expected).abs() < 1e-3,
            "{points:?} {share}: {found}"
        );
        assert!(from.ease(0.0).abs() < 1e-9 && (from.ease(1.0) - 1.0).abs() < 1e-9);
    }
}

// protocol/router.md 8.9
#[test]
fn kinds_of_values() {
    let list = |numbers: [i64; 2]| Value::Array(numbers.map(Value::Int).to_vec());
    check(&between(0, -5, Easing::Linear), &[(150, Value::Int(-2))]);
    check(&between(-5, 0, Easing::Linear), &[(150, Value::Int(-2))]);
    check(
        &between(0, 1.0, Easing::Linear),
        &[(150, Value::Float(0.5))],
    );
    check(
        &between(list([0, 10]), list([10, 0]), Easing::Linear),
        &[(125, list([2, 7]))],
    );
    check(
        &between("a", "b", Easing::Linear),
        &[(149, "a".into()), (150, "b".into())],
    );
    check(
        &between(true, 1, Easing::Linear),
        &[(149, true.into()), (150, 1.into())],
    );
    let short = Value::Array(vec![Value::Int(1)]);
    check(
        &between(short.clone(), list([0, 0]), Easing::Linear),
        &[(149, short), (150, list([0, 0]))],
    );
}

#[test]
fn t_sec_10_numbers_at_their_edges() {
    let extremes = between(Value::Int(i64::MIN), Value::Int(i64::MAX), Easing::Linear);
    check(
        &extremes,
        &[
            (100, Value::Int(i64::MIN)),
            (150, 0.into()),
            (200, Value::Int(i64::MAX)),
        ],
    );
    let endless = between(f64::NEG_INFINITY, f64::INFINITY, Easing::Linear);
    assert!(matches!(endless.value_at(150), Some(Value::Float(number)) if number.is_nan()));
    let mut odd = keyframe(0, 0.0, Easing::CubicBezier);
    odd.bezier = Some([f64::NAN, f64::INFINITY, -0.0, f64::NEG_INFINITY]);
    assert!(odd.ease(0.5).is_nan());
}

// protocol/router.md 8.9
#[test]
fn loops_and_ends() {
    let mut timeline = between(0, 100, Easing::Linear);
    timeline.looping = true;
    check(
        &timeline,
        &[(199, 99.into()), (200, 0.into()), (350, 50.into())],
    );
    timeline.duration = Some(150);
    check(&timeline, &[(149, 49.into()), (150, 0.into())]);
    timeline.looping = false;
    check(&timeline, &[(150, 50.into()), (u64::MAX, 50.into())]);
    timeline.looping = true;
    timeline.duration = Some(0);
    check(&timeline, &[(u64::MAX, 0.into())]);
    assert_eq!(Timeline::default().value_at(5), None);
    let jump = vec![
        keyframe(5, 1, Easing::Linear),
        keyframe(5, 2, Easing::Linear),
    ];
    check(
        &Timeline {
            keyframes: jump,
            ..Timeline::default()
        },
        &[(4, 1.into()), (5, 2.into())],
    );
}

#[test]
fn the_map_form_is_read_again() {
    let mut timeline = between(0.5, "x", Easing::EaseInOut);
    timeline.keyframes[1].easing = Easing::CubicBezier;
    timeline.keyframes[1].bezier = Some([0.25, 0.1, 0.25, 1.0]);
    for (looping, start_time, duration) in [(true, Some(7), None), (false, None, Some(8))] {
        timeline = Timeline {
            looping,
            start_time,
            duration,
            ..timeline
        };
        assert_eq!(
            Timeline::from_value(&timeline.to_value()),
            Ok(timeline.clone())
        );
    }
}

#[test]
fn the_map_form_of_other_clients() {
    let map = |time: f64, value: &str| {
        Value::from([
            ("time", Value::Float(time)),
            ("value", value.into()),
            ("x", Value::Null),
        ])
    };
    let keyframes = Value::Array(vec![map(9.0, "b"), map(0.0, "a")]);
    let found = Timeline::from_value(&Value::from([("keyframes", keyframes)]));
    let keyframes = vec![
        keyframe(0, "a", Easing::Linear),
        keyframe(9, "b", Easing::Linear),
    ];
    assert_eq!(
        found,
        Ok(Timeline {
            keyframes,
            ..Timeline::default()
        })
    );
    for (value, expected) in [
        (Value::Null, TimelineError::NotMap("a timeline")),
        (Value::from([]), TimelineError::MissingKey("keyframes")),
        (
            Value::from([("keyframes", Value::Array(vec![Value::Null]))]),
            TimelineError::NotMap("a keyframe"),
        ),
        (
            Value::from([("keyframes", Value::Array(vec![map(-1.0, "a")]))]),
            TimelineError::Unexpected {
                key: "time",
                expected: "whole microseconds, not negative",
            },
        ),
    ] {
        assert_eq!(Timeline::from_value(&value), Err(expected));
    }
}
