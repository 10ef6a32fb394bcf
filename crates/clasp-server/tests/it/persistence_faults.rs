//! Snapshots that cannot be used or written: said at once, and nothing gets lost that need not be.

use std::fs;

use clasp_proto::Value;
use clasp_server::{Counted, Protocol, Server, SnapshotError, StartError};
use clasp_testkit::SmallDisk;

use crate::harness::{Client, Running, check_served, config, until};
use crate::persistence::{NEVER, OFTEN, Place, get, params_of, set, write};

async fn refused(place: &Place, discard: bool) -> SnapshotError {
    let config = config(|config| {
        place.adjust(config, NEVER);
        config.persist_discard_corrupt = discard;
    });
    match Server::start(&config).await {
        Err(StartError::Snapshot(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    }
}

/// A file with one param, written by a server.
async fn one_param(place: &Place) -> Vec<u8> {
    let server = place.start(NEVER).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    write(&mut client, set("/a", Value::Int(1))).await;
    server.shutdown().await;
    fs::read(&place.file).expect("the server has written its file")
}

#[tokio::test]
async fn a_damaged_file_stops_the_start_and_stays_as_it_is() {
    let place = Place::new();
    let whole = one_param(&place).await;
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    for (damaged, what) in [
        (&whole[..whole.len() - 1], "its end is missing"),
        (&flipped, "its checksum is not"),
        (&[], "it is empty"),
        (b"SQLite format 3\0", "it is no snapshot"),
    ] {
        fs::write(&place.file, damaged).unwrap();
        let error = refused(&place, false).await;
        assert!(matches!(error, SnapshotError::Damaged { .. }), "{error}");
        let text = error.to_string();
        for expected in [
            what,
            place.file.to_str().unwrap(),
            "--persist-discard-corrupt",
        ] {
            assert!(text.contains(expected), "{text}");
        }
        assert_eq!(fs::read(&place.file).unwrap(), damaged);
        assert_eq!(place.names(), ["state.json"]);
    }
}

#[tokio::test]
async fn a_damaged_file_is_kept_aside_when_that_is_asked_for() {
    let place = Place::new();
    for count in 1..=2 {
        fs::write(&place.file, "damaged").unwrap();
        let server = crate::harness::start(|config| {
            place.adjust(config, NEVER);
            config.persist_discard_corrupt = true;
        })
        .await;
        check_served(&server).await;
        let names = place.names();
        assert_eq!(names.len(), count, "{names:?}");
        for name in names {
            assert!(name.starts_with("state.json.corrupt-"), "{name}");
            let kept = fs::read(place.folder.path().join(name)).unwrap();
            assert_eq!(kept, b"damaged");
        }
        server.shutdown().await;
        fs::remove_file(&place.file).unwrap();
    }
    // A whole file is no reason to begin anew.
    one_param(&place).await;
    let server = crate::harness::start(|config| {
        place.adjust(config, NEVER);
        config.persist_discard_corrupt = true;
    })
    .await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    assert_eq!(get(&mut client, "/a").await.value, Value::Int(1));
}

#[tokio::test]
async fn what_is_not_damaged_is_not_discarded() {
    let mut place = Place::new();
    let folder = place.folder.path().to_owned();
    fs::create_dir(folder.join("state.json")).unwrap();
    let error = refused(&place, true).await;
    assert!(matches!(error, SnapshotError::Read { .. }), "{error}");
    fs::remove_dir(folder.join("state.json")).unwrap();

    // A format that is to come, with the right checksum.
    let newer = "{\"clasp_snapshot\":2,\"saved_at\":1,\"forgotten\":0,\"params\":[\n]";
    let digest = "15c9e39855f67e9851607550fd7792ac7941970728c384bfdc20141d81ab4911";
    let newer = format!("{newer},\"checksum\":\"sha256:{digest}\"}}\n");
    fs::write(&place.file, &newer).unwrap();
    let error = refused(&place, true).await;
    assert!(
        matches!(error, SnapshotError::Newer { found: 2, .. }),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&place.file).unwrap(), newer);

    fs::write(folder.join("file"), "").unwrap();
    for path in ["missing/state.json", "file/state.json", "", ".."] {
        place.file = folder.join(path);
        let error = refused(&place, true).await;
        assert!(
            matches!(
                error,
                SnapshotError::Path { .. } | SnapshotError::Read { .. }
            ),
            "{path}: {error}"
        );
        assert!(error.to_string().contains("--persist"), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_found_at_the_start() {
    let place = Place::new();
    let whole = one_param(&place).await;
    // Where the next snapshot is to be made is something else. Root may write anywhere else.
    fs::create_dir(place.folder.path().join("state.json.tmp")).unwrap();
    let error = refused(&place, true).await;
    assert!(matches!(error, SnapshotError::Write { .. }), "{error}");
    assert_eq!(fs::read(&place.file).unwrap(), whole);
}

#[tokio::test]
async fn a_file_belongs_to_one_server() {
    let place = Place::new();
    let server = place.start(OFTEN).await;
    let error = refused(&place, true).await;
    let SnapshotError::InUse { holder, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*holder, format!("process {}", std::process::id()));
    assert!(error.to_string().contains("--persist"), "{error}");
    server.shutdown().await;
    place.start(OFTEN).await.shutdown().await;
}

/// Something stands in the way of a snapshot, and then no more.
async fn check_goes_on(place: &Place, server: &Running, block: impl Fn(), unblock: impl Fn()) {
    let mut client = Client::welcomed(server, Protocol::Tcp).await;
    let failures = || server.counters().read(Counted::SnapshotFailed);
    let is_failing = || server.snapshots().is_some_and(|status| status.is_failing);
    for round in 0..5 {
        let before = failures();
        block();
        write(&mut client, set("/a", Value::Int(round))).await;
        until("a failure", || failures() > before && is_failing()).await;
        assert_eq!(get(&mut client, "/a").await.value, Value::Int(round));
        unblock();
        until("a success", || !is_failing()).await;
        until("the value in the file", || {
            let params = place.params();
            params
                .iter()
                .any(|param| param["address"] == "/a" && param["value"] == round)
        })
        .await;
    }
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_begun_is_made_later() {
    let place = Place::new();
    let server = place.start(OFTEN).await;
    let temporary = place.folder.path().join("state.json.tmp");
    // It may be there as a file at this moment.
    let block = || while fs::create_dir(&temporary).is_err() {};
    let unblock = || fs::remove_dir(&temporary).unwrap();
    check_goes_on(&place, &server, block, unblock).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_snapshot_that_cannot_take_its_place_is_made_later() {
    let place = Place::new();
    let server = place.start(OFTEN).await;
    let moved = place.folder.path().join("moved");
    let block = || {
        // A snapshot that is under way may come in between.
        while fs::create_dir(&place.file).is_err() {
            fs::remove_file(&place.file).ok();
        }
        fs::write(place.file.join("inside"), "").unwrap();
    };
    let unblock = || {
        fs::rename(&place.file, &moved).unwrap();
        fs::remove_dir_all(&moved).unwrap();
    };
    write(
        &mut Client::welcomed(&server, Protocol::Tcp).await,
        set("/b", Value::Null),
    )
    .await;
    until("a file", || place.file.exists()).await;
    check_goes_on(&place, &server, block, unblock).await;
    assert_eq!(place.names(), ["state.json"]);
    server.shutdown().await;
}

#[tokio::test]
async fn t_dur_04_a_full_disk_costs_no_snapshot_that_is_there() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(place.folder.path(), 64) else {
        println!("skipped: this user cannot mount a tmpfs");
        return;
    };
    let server = place.start(OFTEN).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    write(&mut client, set("/b", Value::Int(1))).await;
    until("a file", || !place.params().is_empty()).await;
    let temporary = place.folder.path().join("state.json.tmp");
    let block = || {
        // What a snapshot that is under way gives back when it is done is filled as well.
        while temporary.exists() {}
        disk.fill(0);
    };
    let unblock = || {
        let params = params_of(&place.file);
        assert!(params.iter().any(|param| param["address"] == "/b"));
        disk.make_room();
    };
    check_goes_on(&place, &server, block, unblock).await;
    server.shutdown().await;
}
