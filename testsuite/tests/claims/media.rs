//! Media: what always holds of RTP, SRTP, STUN, ICE and digits, and what hostile packets do not do.

use super::Claim;

const PACKETS: &str = "testsuite/src/property/packets.rs";
const NEWS: &str = "testsuite/src/property/media.rs";
const SRTP: &str = "core/src/rtp/srtp/tests.rs";
const PATH_SRTP: &str = "core/src/media/path/tests/srtp.rs";
const LATCH: &str = "core/src/media/path/tests/latch.rs";
const CONTROL: &str = "core/src/media/path/tests/control.rs";
const DTMF: &str = "core/src/rtp/dtmf/tests.rs";
const STUN: &str = "core/src/stun/tests.rs";
const ICE_RUNS: &str = "core/src/ice/tests/runs.rs";
const ICE_ROLES: &str = "core/src/ice/tests/roles.rs";
const ICE_HOSTILE: &str = "core/src/ice/tests/hostile.rs";
const CHANGES: &str = "testsuite/tests/srtp/changes.rs";
const CONSENT: &str = "testsuite/tests/relay/consent.rs";
const RESTART: &str = "testsuite/tests/relay/restart.rs";
const LAB: &str = "testsuite/tests/ice.rs";

/// What always holds.
pub(crate) const INVARIANTS: &[Claim] = &[
    (
        "SRT-1",
        "no index is encrypted twice under a key; roll-over counters are followed (RFC 3711 section 3.3.1, RFC 4568 section 7.1.4)",
        &[
            (PACKETS, "Packets"),
            (NEWS, "MediaNews"),
            (SRTP, "an_index_is_never_sent_twice"),
            (SRTP, "any_order_within_half_a_cycle_is_read_once"),
            (SRTP, "the_roll_over_counter_is_in_the_key_stream_and_in_the_tag"),
            (SRTP, "the_likeliest_roll_over_counter_is_taken"),
            (PATH_SRTP, "a_key_that_stays_keeps_its_counters_and_another_begins_anew"),
            (PATH_SRTP, "a_new_suite_begins_with_counters_of_its_own"),
            (CHANGES, "either_side_changes_its_line_and_only_what_is_said_is_heard"),
            (CHANGES, "an_answer_may_change_the_key_and_each_offer_again"),
            (CHANGES, "an_offer_that_is_refused_keeps_the_keys"),
        ],
    ),
    (
        "SRT-2",
        "what was replayed or forged is dropped and changes nothing (RFC 3711 section 3.3.2)",
        &[
            (SRTP, "a_packet_that_comes_again_is_dropped"),
            (SRTP, "what_was_tampered_with_is_dropped_and_changes_nothing"),
            (SRTP, "strangers_make_no_sources"),
            (PATH_SRTP, "what_is_open_or_under_another_key_moves_nothing"),
        ],
    ),
    (
        "DTM-1",
        "one mark, one timestamp, growing durations, three ends; told once; long events in segments (RFC 4733 section 2.5.1)",
        &[
            (PACKETS, "Packets"),
            (DTMF, "an_event_has_one_marker_a_growing_duration_and_three_ends"),
            (DTMF, "a_long_event_is_cut_into_segments"),
            (DTMF, "each_digit_is_told_once_if_any_of_its_packets_comes"),
        ],
    ),
    (
        "STN-1",
        "requests are repeated and given up by the clock of RFC 8489 section 6.2.1; 420; the vectors of RFC 5769",
        &[
            (PACKETS, "Packets"),
            (STUN, "a_request_is_repeated_as_the_rfc_says_and_then_given_up"),
            (STUN, "the_vectors_are_read_as_rfc_5769_says"),
            (STUN, "every_shorter_message_and_every_changed_bit_is_refused"),
            (ICE_HOSTILE, "only_what_our_password_vouches_for_is_a_check"),
        ],
    ),
    (
        "ICE-1",
        "both have the same pair; one of two roles switches; no check is lost; consent lasts 30 s (RFC 8445 section 7.3.1.1, RFC 7675 section 5)",
        &[
            (NEWS, "MediaNews"),
            (LAB, "nats_of_every_kind_are_passed_where_that_can_be"),
            (LAB, "bad_networks_only_take_longer"),
            (ICE_ROLES, "of_two_with_the_same_role_exactly_one_switches"),
            (ICE_RUNS, "what_was_lost_on_the_way_does_not_keep_them_apart"),
            (ICE_RUNS, "checks_that_come_before_the_answer_are_not_lost"),
            (ICE_RUNS, "consent_is_asked_for_and_its_loss_ends_all"),
            (ICE_RUNS, "a_restart_outlives_the_pair_whose_consent_is_lost"),
            (CONSENT, "a_session_of_nothing_else_ends_and_says_why"),
            (CONSENT, "where_there_is_more_only_the_stream_goes"),
            (CONSENT, "a_way_that_comes_back_in_time_is_used_on"),
            (CONSENT, "between_nats_that_lose_each_other_the_call_ends_through_the_proxy"),
            (RESTART, "either_side_begins_anew_and_media_goes_on_meanwhile"),
            (RESTART, "after_a_nat_forgot_everything_a_new_way_is_found"),
        ],
    ),
    (
        "ICE-2",
        "nothing goes to an address that the peer did not name or show; checks are paced; pairs are bounded",
        &[
            (PACKETS, "Packets"),
            ("testsuite/src/ice/watch.rs", "sent"),
            (ICE_RUNS, "checks_are_paced_and_repeated_as_the_rfcs_say"),
            (ICE_HOSTILE, "no_check_goes_where_none_may"),
            ("core/src/ice/tests/candidates.rs", "the_list_is_pruned_ordered_bounded_and_thawed_by_foundation"),
        ],
    ),
    (
        "RTP-1",
        "media moves by the latch of 3 packets, or by what is authentic, or by ICE; the pace of RTCP (RFC 3550 section 6.2)",
        &[
            (PACKETS, "Packets"),
            (LATCH, "three_packets_in_a_row_move_the_stream_and_none_is_lost"),
            (LATCH, "the_run_is_of_consecutive_numbers_one_source_and_negotiated_types"),
            (LATCH, "once_latched_nobody_else_is_heard"),
            (PATH_SRTP, "only_authentic_packets_latch"),
            ("core/src/rtp/rtcp/schedule.rs", "the_interval_is_that_of_the_standard"),
            ("core/src/rtp/rtcp/schedule.rs", "the_first_packet_comes_after_half_the_minimum"),
        ],
    ),
];

/// What hostile packets do not do.
pub(crate) const HOSTILE: &[Claim] = &[
    (
        "R1",
        "RTP of a third party is not heard, nor answered",
        &[
            (LATCH, "once_latched_nobody_else_is_heard"),
            (LATCH, "a_flood_before_the_answer_keeps_the_peer_out_only_while_it_lasts"),
            (LATCH, "a_negotiation_does_not_help_an_intruder_against_a_peer_that_goes_on"),
            (PATH_SRTP, "what_is_open_or_under_another_key_moves_nothing"),
            ("core/src/media/path/tests.rs", "packets_of_others_are_no_sign_of_life"),
        ],
    ),
    (
        "R2",
        "RTP whose lengths lie is dropped",
        &[
            ("core/src/rtp/packet.rs", "lengths_that_point_past_the_end_are_refused"),
            ("core/src/rtp/packet.rs", "any_bytes_are_read_without_panic_and_within_the_datagram"),
            ("core/src/media/path/tests.rs", "what_is_no_packet_is_dropped_and_counted"),
            ("core/src/media/path/tests/hostile.rs", "nothing_breaks_the_path"),
        ],
    ),
    (
        "R3",
        "RTCP that is malformed is dropped whole",
        &[
            (CONTROL, "a_malformed_compound_changes_nothing"),
            (CONTROL, "reports_of_others_are_not_believed"),
            ("core/src/rtp/rtcp/compound/tests.rs", "counts_beyond_the_packet_drop_the_compound"),
            ("core/src/rtp/rtcp/compound/tests.rs", "any_bytes_are_read_without_panic"),
            ("core/src/rtp/rtcp/members.rs", "a_flood_of_sources_does_not_grow_the_table"),
        ],
    ),
    (
        "R4",
        "SRTP that is garbage, forged, replayed, or of many sources ends nothing",
        &[
            (SRTP, "any_bytes_are_refused_without_panic"),
            (SRTP, "a_packet_that_comes_again_is_dropped"),
            (SRTP, "a_key_serves_so_many_sources_and_no_more"),
            (SRTP, "strangers_make_no_sources"),
            (PATH_SRTP, "what_is_open_or_under_another_key_moves_nothing"),
        ],
    ),
    (
        "R5",
        "STUN that lies is dropped; answers are no longer than what asks, and floods make nothing grow",
        &[
            (STUN, "what_does_not_fit_is_refused_and_what_makes_no_sense_is_not_there"),
            (STUN, "every_shorter_message_and_every_changed_bit_is_refused"),
            (ICE_HOSTILE, "only_what_our_password_vouches_for_is_a_check"),
            (ICE_HOSTILE, "a_flood_of_checks_does_not_grow_us"),
            (ICE_HOSTILE, "no_check_goes_where_none_may"),
            ("core/src/turn/tests.rs", "what_nobody_vouches_for_is_as_if_it_were_lost"),
        ],
    ),
    (
        "R6",
        "many candidates, names in place of addresses, role conflicts and concurrent restarts of ICE",
        &[
            ("core/src/ice/tests/candidates.rs", "lines_read_as_they_are_written"),
            ("core/src/ice/tests/candidates.rs", "the_list_is_pruned_ordered_bounded_and_thawed_by_foundation"),
            (ICE_ROLES, "of_two_with_the_same_role_exactly_one_switches"),
            (ICE_HOSTILE, "forged_answers_change_nothing"),
            ("core/src/stream/ice/tests.rs", "our_offer_begins_anew_where_the_application_wants_it"),
        ],
    ),
    (
        "R7",
        "DTLS is not spoken: its packets are no packets",
        &[("core/src/media/path/tests.rs", "what_is_no_packet_is_dropped_and_counted")],
    ),
    (
        "R8",
        "telephone events without end, of no duration, of the past",
        &[
            (DTMF, "hostile_reports_are_told_at_most_once_each"),
            (DTMF, "what_is_no_digit_is_passed_over"),
            ("core/src/media/path/tests/dtmf.rs", "a_flood_of_ends_is_bounded"),
            ("core/src/media/path/tests/dtmf.rs", "the_pace_of_reports_is_bounded_whatever_the_peer_asks_for"),
        ],
    ),
    (
        "R9",
        "any bytes into the decoders",
        &[
            ("audio/src/codec/g711.rs", "any_payload_decodes_and_never_overruns"),
            ("audio/src/codec/g722/tests.rs", "any_octets_and_any_samples_are_taken"),
            ("audio/src/codec/gsm/tests.rs", "what_is_no_frame_is_refused"),
            ("audio/src/codec/opus/tests.rs", "any_bytes_are_decoded_or_refused"),
            ("core/src/rtp/jitter/tests.rs", "hostile_packets_neither_panic_nor_grow"),
        ],
    ),
    (
        "R10",
        "sound files that lie",
        &[
            ("audio/src/wave/riff.rs", "malformed_files_are_errors"),
            ("audio/src/wave/riff.rs", "any_bytes_end_in_samples_or_an_error"),
            ("audio/src/wave/riff.rs", "a_length_beyond_the_end_is_an_error"),
        ],
    ),
];
