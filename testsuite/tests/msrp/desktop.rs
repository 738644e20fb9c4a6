//! Desktop sharing.

use bytes::Bytes;
use sipsimple_core::agent::IntentError;
use sipsimple_core::settings::kind::ConnectionModel::Relay;
use sipsimple_core::stream::{
    Command, DesktopSharingCommand, DesktopSharingEvent, DesktopSharingHandler, DesktopSharingSpec, HandlerContext,
    StreamError, StreamEvent, StreamSpec,
};

use crate::scene::{ALICE, BOB, Scene};

fn share(handler: DesktopSharingHandler) -> Vec<StreamSpec> {
    vec![StreamSpec::DesktopSharing(DesktopSharingSpec { handler })]
}

fn send(scene: &mut Scene, host: usize, data: Vec<u8>) -> Result<(), IntentError> {
    scene.command(host, Command::DesktopSharing(DesktopSharingCommand::Send(data.into()))).map(drop)
}

fn told(scene: &Scene, host: usize) -> Vec<DesktopSharingEvent> {
    let of = |event| if let StreamEvent::DesktopSharing(event) = event { Some(event) } else { None };
    scene.told(host).into_iter().filter_map(of).collect()
}

fn got(scene: &Scene, host: usize) -> Vec<u8> {
    let of = |event| if let DesktopSharingEvent::GotData { data } = event { Some(data) } else { None };
    told(scene, host).into_iter().filter_map(of).flat_map(Bytes::into_iter).collect()
}

#[test]
fn bytes_go_both_ways_in_their_order() {
    let mut scene = Scene::alike(1, Relay);
    scene.call(share(DesktopSharingHandler::InternalViewer));
    scene.run(2000);
    let data: Vec<u8> = (0..2_000_000_u32).map(|at| u8::try_from(at % 241).unwrap()).collect();
    let mut parts = data.chunks(50_000).peekable();
    let (mut refused, mut there, mut taken) = (0, 0, 0);
    send(&mut scene, ALICE, b"RFB 003.008\n".to_vec()).unwrap();
    for round in 0..60 {
        while let Some(part) = parts.peek() {
            if let Err(error) = send(&mut scene, BOB, part.to_vec()) {
                assert!(matches!(error, IntentError::Stream(StreamError::Full(_))));
                refused += 1;
                break;
            }
            parts.next();
        }
        scene.run(50);
        there = got(&scene, ALICE).len() as u64;
        if round < 20 {
            // Who takes nothing is given no more than it can hold.
            assert!(there < 512 * 1024, "{there} came");
        } else {
            scene.command(ALICE, Command::DesktopSharing(DesktopSharingCommand::Taken(there - taken))).unwrap();
            taken = there;
        }
    }
    assert!(refused > 0, "the sender is not asked for more than it can hold, either");
    assert_eq!(there, data.len() as u64);
    assert_eq!(got(&scene, ALICE), data);
    assert_eq!(got(&scene, BOB), b"RFB 003.008\n");
    scene.end();
}

#[test]
fn a_server_that_cannot_be_reached_fails_the_stream() {
    let mut scene = Scene::alike(2, Relay);
    let address = "10.0.0.2:5999".parse().unwrap();
    let connect_timeout = DesktopSharingHandler::CONNECT_TIMEOUT;
    scene.call(share(DesktopSharingHandler::ExternalServer { address, connect_timeout }));
    scene.run(5000);
    let failed = |event: &DesktopSharingEvent| {
        matches!(event, DesktopSharingEvent::HandlerDidFail { context: HandlerContext::Connecting, .. })
    };
    assert!(told(&scene, ALICE).iter().any(failed));
    assert!(scene.told(ALICE).iter().any(|event| matches!(event, StreamEvent::DidFail { .. })));
    assert!(scene.world.run_until_quiescent(std::time::Duration::from_secs(120)));
}

fn viewer() -> Vec<StreamSpec> {
    let address = "10.0.0.1:0".parse().unwrap();
    share(DesktopSharingHandler::ExternalViewer { address, connect_timeout: DesktopSharingHandler::CONNECT_TIMEOUT })
}

#[test]
fn a_viewer_that_does_not_come_fails_the_stream() {
    let mut scene = Scene::alike(5, Relay);
    scene.call(viewer());
    scene.run(3000);
    let failed = |event: &DesktopSharingEvent| {
        matches!(event, DesktopSharingEvent::HandlerDidFail { context: HandlerContext::Connecting, .. })
    };
    assert!(!told(&scene, ALICE).iter().any(failed), "it may take three seconds");
    scene.run(2000);
    assert!(told(&scene, ALICE).iter().any(failed));
    assert!(scene.world.run_until_quiescent(std::time::Duration::from_secs(120)));
}

#[test]
fn there_is_one_viewer_only() {
    let mut scene = Scene::alike(6, Relay);
    scene.call(viewer());
    scene.run(2000);
    let listens = told(&scene, ALICE).into_iter().find_map(|event| match event {
        DesktopSharingEvent::Listening { address } => Some(address),
        _ => None,
    });
    let posts = ["10.9.0.1:1", "10.9.0.2:1"].map(|address| scene.world.add_post(address.parse().unwrap(), false));
    for post in posts {
        scene.world.post_open(post, listens.unwrap());
        scene.run(500);
    }
    let connected = posts.map(|post| scene.world.post(post).connection(listens.unwrap()).is_some());
    assert_eq!(connected, [true, false]);
    scene.end();
}

#[test]
fn a_handler_of_the_application_fails_the_stream() {
    for (context, host) in [(HandlerContext::Reading, ALICE), (HandlerContext::Sending, BOB)] {
        let mut scene = Scene::alike(4, Relay);
        scene.call(share(DesktopSharingHandler::InternalServer));
        scene.run(2000);
        let command = DesktopSharingCommand::Fail { context, reason: "the screen is gone".into() };
        scene.command(host, Command::DesktopSharing(command)).unwrap();
        scene.run(1000);
        let failed = told(&scene, host).into_iter().find_map(|event| match event {
            DesktopSharingEvent::HandlerDidFail { context, reason, .. } => Some((context, reason)),
            _ => None,
        });
        assert_eq!(failed, Some((context, "the screen is gone".into())));
        let names = scene.names(host);
        assert!(names.contains(&"DesktopSharingHandlerDidFail") && names.contains(&"MediaStreamDidFail"), "{names:?}");
        assert!(scene.world.run_until_quiescent(std::time::Duration::from_secs(120)));
    }
}

#[test]
fn a_handler_is_replaced_by_one_of_its_type_only() {
    let mut scene = Scene::alike(3, Relay);
    scene.call(share(DesktopSharingHandler::InternalViewer));
    scene.run(200);
    let set = |handler| Command::DesktopSharing(DesktopSharingCommand::SetHandler(handler));
    let refused = scene.command(BOB, set(DesktopSharingHandler::InternalViewer));
    assert!(matches!(refused, Err(IntentError::Stream(StreamError::Refused(_)))));
    let listens = DesktopSharingHandler::ExternalServer {
        address: "10.0.0.1:1".parse().unwrap(),
        connect_timeout: DesktopSharingHandler::CONNECT_TIMEOUT,
    };
    scene.command(BOB, set(listens)).unwrap();
    scene.command(BOB, set(DesktopSharingHandler::InternalServer)).unwrap();
    scene.run(2000);
    assert!(scene.command(BOB, set(DesktopSharingHandler::InternalServer)).is_err(), "it has started");
    scene.end();
}
