//! A router that goes away and comes back.

use crate::harness::Router;

#[test]
fn a_subscription_goes_on_when_the_router_is_back_on_its_port() {
    let router = Router::start(&[]);
    let port = router.port().to_owned();
    assert_eq!(router.run(&["set", "/a", "1"]).code, 0);
    let subscription = router.subscribe(&["/**"]);
    assert_eq!(subscription.line(), "/a = 1");
    router.signal("TERM");
    assert_eq!(router.wait().code, 0);

    let router = Router::start(&["--port", &port]);
    assert_eq!(router.run(&["set", "/a", "2"]).code, 0);
    assert_eq!(subscription.line(), "/a = 2");
    assert_eq!(router.run(&["emit", "/e", "3"]).code, 0);
    assert_eq!(subscription.line(), "/e = 3");
    subscription.signal("INT");
    let ended = subscription.wait();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(
        ended.stderr.contains("Connection lost") && ended.stderr.contains("Connected again"),
        "{ended:?}"
    );
    // What the router said is in the first of these lines.
    assert!(!ended.stderr.contains("WARN"), "{ended:?}");
}
