//! The frame codec against envelopes of every shape and bytes of no shape.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::*;

fn robots() -> impl Strategy<Value = RobotKey> {
    let id = "[0-9A-Z]{29}".prop_map(|text| RobotKey::Id(text.parse().unwrap()));
    prop_oneof![Just(RobotKey::Unreadable), id]
}

fn kinds() -> impl Strategy<Value = RawKind> {
    prop_oneof![
        4 => Just(RawKind::Telemetry),
        1 => (any::<u64>(), any::<[u8; 32]>())
            .prop_map(|(bytes, digest)| RawKind::Oversize { bytes, sha256: Digest(digest) }),
        1 => any::<[u8; 32]>().prop_map(|digest| RawKind::Config(Digest(digest))),
        1 => proptest::option::of((any::<u128>(), any::<u64>())).prop_map(|of| RawKind::Retry {
            of: of.map(|(session, counter)| RecordId { session: Uuid::from_u128(session), counter }),
        }),
    ]
}

/// Few different senders, so that fields are left out often, and every field differs at times.
fn frames() -> impl Strategy<Value = Frame> {
    let sender = (0_u128..2, prop_oneof![3 => Just(RobotKey::Unreadable), 1 => robots()], "[a-z]{0,2}");
    let rest = (any::<u64>(), any::<i64>(), proptest::option::of("[a-zé]{0,2}"), kinds());
    (0_u16..8, sender, rest, vec(any::<u8>(), 0..40)).prop_map(
        |(partition, (session, robot, principal), (counter, received_at_us, topic_id, kind), payload)| Frame {
            partition,
            envelope: Envelope {
                id: RecordId { session: Uuid::from_u128(session), counter },
                received_at_us,
                robot,
                topic_id: topic_id.map(Arc::from),
                principal: Arc::from(principal),
                kind,
            },
            payload: payload.into(),
        },
    )
}

fn body(frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut before = None;
    for frame in frames {
        let room = out.len() + frame_bytes_max(&frame.envelope, &frame.payload);
        encode(&mut out, before, frame.partition, &frame.envelope, &frame.payload).unwrap();
        assert!(out.len() <= room, "a frame is larger than its announced maximum");
        before = Some(&frame.envelope);
    }
    out
}

fn decode(body: Vec<u8>) -> (Vec<Frame>, Option<FrameError>) {
    let mut frames = Frames::new(body.into());
    let mut decoded = Vec::new();
    loop {
        match frames.next() {
            Ok(Some(frame)) => decoded.push(frame),
            Ok(None) => return (decoded, None),
            Err(error) => return (decoded, Some(error)),
        }
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(frames in vec(frames(), 0..20)) {
        prop_assert_eq!(decode(body(&frames)), (frames, None));
    }

    #[test]
    fn any_bytes_end_in_frames_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        let (frames, error) = decode(bytes.clone());
        prop_assert!(error.is_some() || frames.is_empty() == bytes.is_empty());
    }

    #[test]
    fn a_body_that_is_cut_gives_only_whole_frames(frames in vec(frames(), 1..8), cut in any::<proptest::sample::Index>()) {
        let mut bytes = body(&frames);
        bytes.truncate(cut.index(bytes.len()));
        let (decoded, _) = decode(bytes);
        prop_assert!(decoded.len() < frames.len());
        prop_assert_eq!(decoded.as_slice(), &frames[..decoded.len()]);
    }

    #[test]
    fn a_changed_byte_never_panics(frames in vec(frames(), 1..8), at in any::<proptest::sample::Index>(), to: u8) {
        let mut bytes = body(&frames);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let (decoded, error) = decode(bytes);
        prop_assert!(error.is_some() || !decoded.is_empty());
    }
}

#[test]
fn a_second_record_of_the_same_connection_costs_24_bytes_and_its_payload() {
    let frame = Frame {
        partition: 1,
        envelope: Envelope {
            id: RecordId { session: Uuid::from_u128(1), counter: 1 },
            received_at_us: 0,
            robot: RobotKey::Id("CNAB12HX00010000000000000042A".parse().unwrap()),
            topic_id: None,
            principal: Arc::from("gateway"),
            kind: RawKind::Telemetry,
        },
        payload: Bytes::from_static(b"payload"),
    };
    let one = body(std::slice::from_ref(&frame)).len();
    assert_eq!(body(&[frame.clone(), frame]).len() - one, 24 + 7);
}

#[test]
fn a_principal_over_64_kib_is_refused() {
    let envelope = Envelope {
        id: RecordId { session: Uuid::nil(), counter: 0 },
        received_at_us: 0,
        robot: RobotKey::Unreadable,
        topic_id: None,
        principal: Arc::from("x".repeat(65_536)),
        kind: RawKind::Telemetry,
    };
    let mut out = Vec::new();
    let refused = encode(&mut out, None, 0, &envelope, b"");
    assert_eq!(refused, Err(AppendError::FieldTooLong { field: "principal", bytes: 65_536 }));
    assert!(out.is_empty());
}
