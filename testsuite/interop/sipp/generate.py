#!/usr/bin/env python3
"""Writes the SIPp scenarios beside this file. `uac_*` call us, `uas_*` are called by us. Run it after a change; what it writes is committed."""
import os
import re
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))

SDP = """v=0
o=- 1 {version} IN IP[media_ip_type] [media_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a={direction}
"""
PCMA_ONLY = """v=0
o=- 1 1 IN IP[media_ip_type] [media_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
"""
WITH_NOISE = PCMA_ONLY.replace("RTP/AVP 8", "RTP/AVP 8 13")
VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>"
AGAIN = 'retrans="500"'
OPTIONAL = 'optional="true"'


def sdp(direction="sendrecv", version=1):
    return SDP.format(direction=direction, version=version)


def send(message, attributes=""):
    text = textwrap.indent(message, "      ")
    return f"  <send {attributes}>\n    <![CDATA[\n{text}\n    ]]>\n  </send>\n"


def content(body, kind="application/sdp"):
    if not body:
        return "Content-Length: 0\n\n"
    return f"Content-Type: {kind}\nContent-Length: [len]\n\n{body}"


def request(method, cseq=1, inside=False, extra="", body="", attributes=AGAIN, to=None):
    """A request of the caller."""
    uri = "[next_url]" if inside else "sip:[service]@[remote_ip]:[remote_port]"
    to = to if to is not None else ("[peer_tag_param]" if inside else "")
    return send(
        f"{method} {uri} SIP/2.0\n{VIA}\n"
        + ("[routes]\n" if inside else "")
        + "From: \"sipp\" <sip:sipp@[local_ip]:[local_port]>;tag=[pid]c[call_number]\n"
        + f"To: <sip:[service]@[remote_ip]:[remote_port]>{to}\nCall-ID: [call_id]\nCSeq: {cseq} {method}\n"
        + f"{CONTACT}\nMax-Forwards: 70\n{extra}{content(body)}",
        attributes,
    )


def invite(cseq=1, inside=False, extra="", body=None):
    return request("INVITE", cseq, inside, extra, sdp() if body is None else body)


def ack(cseq=1, body=""):
    return request("ACK", cseq, True, "", body, "")


def ack_of_refusal(cseq=1):
    return request("ACK", cseq, False, "", "", "", to="[peer_tag_param]")


def bye(cseq=2):
    return request("BYE", cseq, True)


def response(code, reason, extra="", body="", tag="u", attributes=""):
    """A response of the callee; without a tag inside a dialog."""
    tag = f";tag=[pid]{tag}[call_number]" if tag else ""
    return send(
        f"SIP/2.0 {code} {reason}\n[last_Via:]\n[last_Record-Route:]\n[last_From:]\n[last_To:]{tag}\n"
        f"[last_Call-ID:]\n[last_CSeq:]\n{CONTACT}\n{extra}{content(body)}",
        attributes,
    )


def from_callee(method, cseq=1, body="", attributes=AGAIN, extra=""):
    """A request of the callee; the INVITE's From and To must have been saved."""
    return send(
        f"{method} [next_url] SIP/2.0\n{VIA}\n[routes]\nFrom: [$local];tag=[pid]u[call_number]\nTo: [$remote]\n"
        f"[last_Call-ID:]\nCSeq: {cseq} {method}\n{CONTACT}\nMax-Forwards: 70\n{extra}{content(body)}",
        attributes,
    )


SAVE = (
    '    <action>\n      <ereg regexp=".*" search_in="hdr" header="From:" assign_to="remote"/>\n'
    '      <ereg regexp=".*" search_in="hdr" header="To:" assign_to="local"/>\n    </action>\n'
)


def check(pattern, header=None):
    where = f'search_in="hdr" header="{header}"' if header else 'search_in="body"'
    return f'    <action><ereg regexp="{pattern}" {where} check_it="true" assign_to="checked"/></action>\n'


def get_request(method, action="", attributes=""):
    return f'  <recv request="{method}" {attributes}>\n{action}  </recv>\n'


def get(code, attributes="", action=""):
    return f'  <recv response="{code}" {attributes}>\n{action}  </recv>\n'


def get_200():
    return get(100, OPTIONAL) + get(180, OPTIONAL) + get(200, 'rrs="true"')


def pause(milliseconds):
    return f'  <pause milliseconds="{milliseconds}"/>\n'


def do(action):
    return f"  <nop><action>{action}</action></nop>\n"


GET_INVITE = get_request("INVITE", SAVE, 'rrs="true"')
GET_ACK = get_request("ACK")
GET_BYE = get_request("BYE") + response(200, "OK", tag="")
ANSWER = response(200, "OK", body=sdp(), attributes=AGAIN)


def hold(cseq, direction, answered):
    """The caller changes the direction, and checks ours."""
    ours = check(f"a={answered}")
    offer = invite(cseq, True, body=sdp(direction, cseq))
    return offer + get(100, OPTIONAL) + get(200, "", ours) + ack(cseq)


def held(cseq, direction, answered):
    """The callee changes the direction, and checks ours."""
    offer = from_callee("INVITE", cseq, sdp(direction, cseq))
    ours = check(f"a={answered}")
    return offer + get(100, OPTIONAL) + get(200, "", ours) + from_callee("ACK", cseq, attributes="")


PIDF = """<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:service@example.com">
<tuple id="a"><status><basic>open</basic></status></tuple>
</presence>
"""
SUMMARY = """Messages-Waiting: yes
Message-Account: sip:service@example.com
Voice-Message: 2/8 (0/2)
"""


def notify(cseq, event, state, kind="", body=""):
    """A NOTIFY of the one that was subscribed to; the SUBSCRIBE's From and To must have been saved."""
    return send(
        f"NOTIFY [next_url] SIP/2.0\n{VIA}\n[routes]\nFrom: [$local];tag=[pid]u[call_number]\nTo: [$remote]\n"
        f"[last_Call-ID:]\nCSeq: {cseq} NOTIFY\n{CONTACT}\nMax-Forwards: 70\nEvent: {event}\nSubscription-State: {state}\n"
        f"{content(body, kind)}",
        AGAIN,
    )


def subscribed(event, kind, body):
    """Answers a SUBSCRIBE, notifies twice, and is told to end."""
    return (
        get_request("SUBSCRIBE", SAVE + check(event, "Event:"), 'rrs="true"')
        + response(200, "OK", "Expires: 60\n")
        + notify(1, event, "pending;expires=60") + get(200)
        + pause(100) + notify(2, event, "active;expires=60", kind, body) + get(200)
        + get_request("SUBSCRIBE", check("^ *0", "Expires:")) + response(200, "OK", "Expires: 0\n", tag="")
        + notify(3, event, "terminated;reason=timeout") + get(200)
    )


def challenge(code, nonce, more=""):
    """A challenge of the callee: a proxy's for 407."""
    field, reason = ("Proxy-Authenticate", "Proxy Authentication Required") if code == 407 else ("WWW-Authenticate", "Unauthorized")
    value = f'{field}: Digest realm="lab.test", nonce="{nonce}[call_number]", algorithm=MD5, qop="auth", opaque="op4que"{more}\n'
    return response(code, reason, value, tag="c", attributes=AGAIN if code == 407 else "")


def verified(method, label, attributes="", action=""):
    """A request of alice with right credentials; anything else is refused, and the scenario fails."""
    return (
        get_request(method, f'    <action><verifyauth assign_to="right" username="alice" password="secret"/></action>\n{action}', attributes)
        + f'  <nop next="{label}" test="right"/>\n'
        + response(403, "Forbidden", attributes="")
        + do('<exec int_cmd="stop_now"/>')
        + f'  <label id="{label}"/>\n'
    )


CREDENTIALS = check("response=", "Proxy-Authorization:")
GET_REGISTER = get_request("REGISTER")
LEAVES = get_request("REGISTER", check("0", "Expires:")) + response(200, "OK")

SCENARIOS = {
    # SIPp calls us.
    "uac_cancel": invite() + get(100, OPTIONAL) + get(180) + pause(300)
    + send(
        "CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n[last_Via:]\n"
        "From: \"sipp\" <sip:sipp@[local_ip]:[local_port]>;tag=[pid]c[call_number]\n"
        "To: <sip:[service]@[remote_ip]:[remote_port]>\nCall-ID: [call_id]\nCSeq: 1 CANCEL\nMax-Forwards: 70\n"
        "Content-Length: 0\n\n",
        AGAIN,
    )
    + get(200) + get(487) + ack_of_refusal(),
    "uac_late_offer": invite(body="") + get_200() + ack(body=sdp()) + pause(300) + bye() + get(200),
    # Of the two streams that are offered it takes the second.
    "uac_late_offer_named": invite(body="") + get(100, OPTIONAL) + get(180, OPTIONAL)
    + get(200, 'rrs="true"', check("m=message [1-9][0-9]* .*m=audio [1-9]"))
    + ack(body=sdp().replace("m=audio", "m=message 0 TCP/TLS/MSRP *\nm=audio")) + pause(300) + bye() + get(200),
    "uac_rejected": invite() + get(100, OPTIONAL) + get(180, OPTIONAL) + get(486) + ack_of_refusal(),
    "uac_options": request("OPTIONS", extra="Accept: application/sdp\n") + get(200, "", check("INVITE", "Allow:")),
    "uac_unknown_method": request("FROBNICATE") + get(405, "", check("INVITE", "Allow:")),
    "uac_unsupported": invite(extra="Require: frobnication\n")
    + get(100, OPTIONAL) + get(420, "", check("frobnication", "Unsupported:")) + ack_of_refusal(),
    "uac_reinvite": invite() + get_200() + ack() + pause(200)
    + invite(2, True, body=sdp(version=2)) + get(100, OPTIONAL) + get(200, "", check("m=audio")) + ack(2)
    + pause(200) + bye(3) + get(200),
    "uac_hold": invite() + get_200() + ack() + pause(200)
    + hold(2, "sendonly", "recvonly") + pause(200)
    + hold(3, "inactive", "inactive") + pause(200)
    + hold(4, "sendrecv", "sendrecv") + pause(200) + bye(5) + get(200),
    "uac_bye_unknown": request("BYE", to=";tag=nobody") + get(481),
    "uac_bad_sdp": invite(body="v=0\no=nonsense\n") + get(100, OPTIONAL) + get(488) + ack_of_refusal(),
    "uac_rtp": invite(body=PCMA_ONLY) + get_200() + ack()
    + do('<exec play_pcap_audio="/usr/share/sip-tester/g711a.pcap"/>') + pause(9000) + bye() + get(200),
    # The keys 4, * and 9 (RFC 4733), as SIPp's captures have them.
    "uac_dtmf": invite() + get_200() + ack() + pause(500)
    + "".join(do(f'<exec play_pcap_audio="/usr/share/sip-tester/dtmf_2833_{key}.pcap"/>') + pause(1000) for key in ("4", "star", "9"))
    + bye() + get(200),
    # A tone, silence that is described twice (RFC 3389), and a tone, as the test writes them.
    "uac_silence": invite(body=WITH_NOISE) + get_200() + ack() + pause(500)
    + do('<exec play_pcap_audio="silence.pcap"/>') + pause(6000) + bye() + get(200),
    # SIPp is called by us.
    "uas_plain": GET_INVITE + ANSWER + GET_ACK + GET_BYE,
    "uas_busy": GET_INVITE + response(486, "Busy Here", attributes=AGAIN) + GET_ACK,
    "uas_redirect": GET_INVITE + response(302, "Moved Temporarily", attributes=AGAIN) + GET_ACK,
    "uas_early_media": GET_INVITE + response(183, "Session Progress", body=sdp()) + pause(500) + ANSWER + GET_ACK + GET_BYE,
    "uas_forked": GET_INVITE + response(180, "Ringing", tag="a") + response(180, "Ringing", tag="b") + pause(200)
    + response(200, "OK", body=sdp(), tag="b", attributes=AGAIN) + GET_ACK + GET_BYE,
    "uas_bye": GET_INVITE + response(180, "Ringing") + ANSWER + GET_ACK + pause(700) + from_callee("BYE") + get(200),
    "uas_hold": GET_INVITE + ANSWER + GET_ACK + pause(300)
    + held(1, "sendonly", "recvonly") + pause(200) + held(2, "sendrecv", "sendrecv") + pause(200)
    + from_callee("BYE", 3) + get(200),
    # SIPp asks us for authentication.
    "uas_register": GET_REGISTER + challenge(401, "a") + verified("REGISTER", "1") + response(200, "OK", "Expires: 300\n")
    + LEAVES,
    "uas_register_stale": GET_REGISTER + challenge(401, "a") + GET_REGISTER + challenge(401, "b", ", stale=true")
    + verified("REGISTER", "1") + response(200, "OK", "Expires: 300\n") + LEAVES,
    "uas_register_423": GET_REGISTER + response(423, "Interval Too Brief", "Min-Expires: 900\n")
    + get_request("REGISTER", check("900", "Expires:")) + response(200, "OK", "Expires: 900\n") + LEAVES,
    "uas_register_refused": GET_REGISTER + challenge(401, "a") + GET_REGISTER + challenge(401, "b"),
    # SIPp verifies the field Authorization only.
    "uas_407": GET_INVITE + challenge(407, "a") + GET_ACK + get_request("INVITE", SAVE + CREDENTIALS, 'rrs="true"') + ANSWER
    + get_request("ACK", CREDENTIALS) + get_request("BYE", CREDENTIALS) + response(200, "OK", tag=""),
    "uas_401": GET_INVITE + challenge(401, "a").replace("<send >", f"<send {AGAIN}>") + GET_ACK
    + verified("INVITE", "1", 'rrs="true"') + ANSWER + GET_ACK
    + get_request("BYE") + challenge(401, "b").replace(";tag=[pid]c[call_number]", "") + verified("BYE", "2")
    + response(200, "OK", tag=""),
    # For runs with lost messages. The 180 is not lost, as SIPp does not know a retransmitted INVITE; the ACK may be; and the answer to
    # the BYE is repeated for as long as timer J runs.
    "uas_lossy": get_request("INVITE") + response(180, "Ringing", attributes='lost="0"') + ANSWER + get_request("ACK", "", OPTIONAL)
    + GET_BYE + '  <timewait milliseconds="32000"/>\n',
    "uas_no_sdp": GET_INVITE + response(200, "OK", attributes=AGAIN) + GET_ACK + GET_BYE,
}

SCENARIOS |= {
    # SIPp is asked by us.
    "uas_presence": subscribed("presence", "application/pidf+xml", PIDF),
    "uas_mwi": subscribed("message-summary", "application/simple-message-summary", SUMMARY),
    "uas_bad_event": get_request("SUBSCRIBE") + response(489, "Bad Event", "Allow-Events: dialog\n"),
    "uas_composing": get_request("MESSAGE", check("im-iscomposing|message/cpim", "Content-Type:")) + response(200, "OK"),
    "uac_info": invite() + get_200() + ack() + pause(200) + request("INFO", 2, True) + get(200)
    + request("INFO", 3, True, "Info-Package: x\n") + get(469) + request("INFO", 4, True, body="Signal=5\n") + get(415)
    + bye(5) + get(200),
    "uas_message": get_request("MESSAGE", check("Hello, SIPp")) + response(200, "OK"),
    "uas_publish": get_request("PUBLISH", check("basic.open"))
    + response(200, "OK", "SIP-ETag: e1\nExpires: 2\n")
    + get_request("PUBLISH", check("e1", "SIP-If-Match:")) + response(412, "Conditional Request Failed")
    + get_request("PUBLISH", check("basic.open")) + response(200, "OK", "SIP-ETag: e2\nExpires: 60\n")
    + get_request("PUBLISH", check("e2", "SIP-If-Match:")) + response(200, "OK", "SIP-ETag: e3\nExpires: 0\n"),
    # SIPp asks us.
    "uac_message": send(
        "MESSAGE sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n" + VIA + "\nFrom: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]c[call_number]\n"
        "To: <sip:[service]@[remote_ip]:[remote_port]>\nCall-ID: [call_id]\nCSeq: 1 MESSAGE\nMax-Forwards: 70\n"
        + content("Hello from SIPp", "text/plain"),
        AGAIN,
    ) + get(200),
    "uac_bad_event": request("SUBSCRIBE", extra="Event: nosuch\nExpires: 60\n") + get(489),
    "uac_stray_notify": request(
        "NOTIFY", extra="Event: presence\nSubscription-State: active\n", to=";tag=nobody"
    ) + get(481),
    # SIPp is a voicemail server, and tells a presence agent of lab.test.
    "uac_summary": send(
        "PUBLISH sip:[service]@lab.test SIP/2.0\n" + VIA + "\nFrom: <sip:voicemail@lab.test>;tag=[pid]c[call_number]\n"
        "To: <sip:[service]@lab.test>\nCall-ID: [call_id]\nCSeq: 1 PUBLISH\nMax-Forwards: 70\n"
        "Event: message-summary\nExpires: 60\n" + content(SUMMARY, "application/simple-message-summary"),
        AGAIN,
    ) + get(200),
    "uac_publish": request("PUBLISH", extra="Event: presence\nExpires: 60\n") + get(405, "", check("MESSAGE", "Allow:")),
}


def save(**headers):
    """Keeps these headers of what comes."""
    kept = [f'<ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="{name}"/>' for name, header in headers.items()]
    return "    <action>" + "".join(kept) + "</action>\n"


def later(code, reason, extra="", body="", tag="u", via="via", remote="remote", local="local", cseq="cseq", attributes=""):
    """A response to a request other than the last one; its headers must have been saved."""
    tag = f";tag=[pid]{tag}[call_number]" if tag else ""
    return send(
        f"SIP/2.0 {code} {reason}\nVia:[${via}]\nFrom:[${remote}]\nTo:[${local}]{tag}\n[last_Call-ID:]\n"
        f"CSeq:[${cseq}]\n{CONTACT}\n{extra}{content(body)}",
        attributes,
    )


def reliable(rseq, tag, body=""):
    """A provisional response of the callee, and the PRACK for it."""
    return (
        later(183, "Session Progress", f"Require: 100rel\nRSeq: {rseq}\n", body, tag, attributes=AGAIN)
        + get_request("PRACK", check(f"{rseq} [0-9]+ INVITE", "RAck:"))
        + response(200, "OK", tag="")
    )


GET_KEPT = get_request("INVITE", save(via="Via", remote="From", local="To", cseq="CSeq"), 'rrs="true"')
RSEQ = '    <action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/></action>\n'
PRACK = request("PRACK", 2, True, "RAck: [$rseq] 1 INVITE\n") + get(200)


def timed(seconds, cseq=1):
    """An INVITE with a session timer."""
    return invite(cseq, extra=f"Supported: timer\nSession-Expires: {seconds}\n")


def told(line, state):
    """A NOTIFY that tells the caller how far its transfer is."""
    return get_request("NOTIFY", check(line) + check(state, "Subscription-State:")) + response(200, "OK", tag="")


SCENARIOS |= {
    # Reliable provisional responses (RFC 3262).
    "uac_prack": invite(extra="Supported: 100rel\n") + get(100, OPTIONAL) + get(180, 'rrs="true"', RSEQ) + PRACK
    + get(200, 'rrs="true"') + ack() + pause(200) + bye(3) + get(200),
    "uac_prack_required": invite(extra="Require: 100rel\n") + get(100, OPTIONAL) + get(180, 'rrs="true"', RSEQ) + PRACK
    + get(200, 'rrs="true"') + ack() + pause(200) + bye(3) + get(200),
    "uac_prack_unknown": invite(extra="Supported: 100rel\n") + get(100, OPTIONAL) + get(180, 'rrs="true"', RSEQ)
    + request("PRACK", 2, True, "RAck: 1 77 INVITE\n") + get(481)
    + request("PRACK", 3, True, "RAck: [$rseq] 1 INVITE\n") + get(200)
    + get(200, 'rrs="true"') + ack() + pause(200) + bye(4) + get(200),
    "uas_prack": GET_KEPT + reliable(5001, "u", sdp()) + pause(200) + later(200, "OK", attributes=AGAIN) + GET_ACK + GET_BYE,
    "uas_prack_forked": GET_KEPT + reliable(7, "a") + reliable(9, "b") + pause(200)
    + later(200, "OK", body=sdp(), tag="b", attributes=AGAIN) + GET_ACK + GET_BYE,
    # UPDATE (RFC 3311).
    "uac_update": invite() + get_200() + ack() + pause(200)
    + request("UPDATE", 2, True, "", sdp("sendonly", 2)) + get(200, "", check("a=recvonly")) + pause(200)
    + request("UPDATE", 3, True) + get(200) + bye(4) + get(200),
    "uac_update_early": invite() + get(100, OPTIONAL) + get(180, 'rrs="true"')
    + request("UPDATE", 2, True, "", sdp(version=2)) + get(500, "", check("[0-9]", "Retry-After:"))
    + get(200, 'rrs="true"') + ack() + pause(200) + bye(3) + get(200),
    "uac_update_glare": invite(body="") + get_200() + request("UPDATE", 2, True, "", sdp(version=2)) + get(491)
    + ack(body=sdp()) + pause(200) + bye(3) + get(200),
    # Session timers (RFC 4028).
    "uac_timer": timed(60) + get(100, OPTIONAL) + get(422, "", check("90", "Min-SE:")) + ack_of_refusal()
    + timed(90, 2) + get(100, OPTIONAL) + get(180, OPTIONAL) + get(200, 'rrs="true"', check("90", "Session-Expires:")) + ack(2)
    + pause(200) + bye(3) + get(200),
    "uas_timer": get_request("INVITE", check("^ *90", "Session-Expires:"))
    + response(422, "Session Interval Too Small", "Min-SE: 120\n", attributes=AGAIN) + GET_ACK
    + get_request("INVITE", SAVE + check("^ *120", "Session-Expires:") + check("120", "Min-SE:"), 'rrs="true"')
    + response(200, "OK", "Require: timer\nSession-Expires: 120;refresher=uas\n", sdp(), attributes=AGAIN) + GET_ACK
    + pause(200) + from_callee("UPDATE", 1, extra="Supported: timer\nSession-Expires: 120;refresher=uac\n")
    + get(200, "", check("120", "Session-Expires:")) + GET_BYE,
    # REFER (RFC 3515); who is to be called is said on the command line.
    "uac_refer": invite() + get_200() + ack() + pause(200)
    + request("REFER", 2, True, "Refer-To: <sip:service@[target]>\nReferred-By: <sip:sipp@[local_ip]>\n") + get(202)
    + told("SIP/2.0 100", "active") + told("SIP/2.0 200", "terminated") + GET_BYE,
    # A REFER outside of any dialog: what becomes of it is told in the dialog that it makes.
    "uac_refer_outside": request("REFER", 1, extra="Refer-To: <sip:service@[target]>\n") + get(100, OPTIONAL)
    + get(202, 'rrs="true"') + told("SIP/2.0 100", "active") + told("SIP/2.0 200", "terminated"),
    "uac_refer_refused": invite() + get_200() + ack() + pause(200)
    + request("REFER", 2, True, "Refer-To: <sip:service@[target]>\n") + get(603) + pause(200) + bye(3) + get(200),
    # Both hang up at once.
    "uas_bye_glare": GET_INVITE + ANSWER + GET_ACK
    + get_request("BYE", save(via="Via", caller="From", callee="To", cseq="CSeq"))
    + from_callee("BYE", attributes="") + get(200)
    + later(200, "OK", tag="", remote="caller", local="callee"),
}


SECOND = "m=audio {port} RTP/AVP 8\n"
MESSAGE = (
    "m=message 2855 TCP/TLS/MSRP *\na=accept-types:text/plain\n"
    "a=path:msrps://[local_ip]:2855/sipp;tcp\na=setup:active\n"
)
# Two streams that are used, and two of which the second is not.
BOTH = "m=audio [1-9][0-9]* .*m=audio [1-9]"
FIRST = "m=audio [1-9][0-9]* .*m=audio 0 "


def twice(version, port="[media_port+2]"):
    """A description with a second audio stream."""
    return sdp(version=version) + SECOND.format(port=port)


def nowhere(version):
    """A description with the address that means hold (RFC 3264 section 8.4)."""
    return sdp(version=version).replace("c=IN IP[media_ip_type] [media_ip]", "c=IN IP4 0.0.0.0")


def offers(cseq, body, expected, role="uac", header=None):
    """An offer inside a call, of the caller or the callee, and our answer."""
    own = invite(cseq, True, body=body) if role == "uac" else from_callee("INVITE", cseq, body)
    confirm = ack(cseq) if role == "uac" else from_callee("ACK", cseq, attributes="")
    return own + get(100, OPTIONAL) + get(200, "", check(expected, header)) + confirm


def refused(cseq, code, body, role="uac"):
    """An offer inside a call that we refuse. The ACK has the branch of its INVITE, three messages before."""
    own = invite(cseq, True, body=body) if role == "uac" else from_callee("INVITE", cseq, body)
    confirm = ack(cseq) if role == "uac" else from_callee("ACK", cseq, attributes="")
    return own + get(100, OPTIONAL) + get(code) + confirm.replace("[branch]", "[branch-3]")


def asks_for_an_offer(cseq, role="uac"):
    """An INVITE without a description inside a call: our offer comes with the 200, the answer goes with the ACK."""
    own = invite(cseq, True, body="") if role == "uac" else from_callee("INVITE", cseq)
    confirm = ack(cseq, sdp(version=cseq + 1)) if role == "uac" else from_callee("ACK", cseq, sdp(version=cseq + 1), "")
    return own + get(100, OPTIONAL) + get(200, "", check("m=audio")) + confirm


def takes(expected, body):
    """Our offer inside a call, and its answer."""
    return get_request("INVITE", check(expected)) + response(200, "OK", body=body, tag="", attributes=AGAIN) + GET_ACK


def pending():
    """Both sides offer at once (RFC 3261 section 14.1): each refuses, and we come again."""
    kept = save(via="Via", caller="From", callee="To", cseq="CSeq")
    refuse = later(491, "Request Pending", tag="", remote="caller", local="callee", attributes=AGAIN)
    return kept, refuse + GET_ACK


def sipfrag(cseq, state, line, role):
    """A NOTIFY that tells us how far a transfer is."""
    if role == "uas":
        return notify(cseq, "refer", state, "message/sipfrag;version=2.0", line) + get(200)
    extra = f"Event: refer\nSubscription-State: {state}\nContent-Type: message/sipfrag;version=2.0\n"
    text = request("NOTIFY", cseq, True, extra)
    return text.replace("Content-Length: 0\n", f"Content-Length: [len]\n\n      {line}", 1) + get(200)


def is_referred(last, role, cseq=1):
    """We ask SIPp to call somebody else, and are told what comes of it."""
    return (
        get_request("REFER", check("sip:carol@lab.test", "Refer-To:")) + response(202, "Accepted", tag="")
        + sipfrag(cseq, "active;expires=60", "SIP/2.0 100 Trying\n", role)
        + sipfrag(cseq + 1, "terminated;reason=noresource", last, role)
    )


CANCEL = send(
    "CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n" + VIA.replace("[branch]", "[branch-{back}]")
    + "\nFrom: \"sipp\" <sip:sipp@[local_ip]:[local_port]>;tag=[pid]c[call_number]\n"
    "To: <sip:[service]@[remote_ip]:[remote_port]>\nCall-ID: [call_id]\nCSeq: 1 CANCEL\nMax-Forwards: 70\nContent-Length: 0\n\n",
    AGAIN,
)
KEPT_PENDING, BOTH_REFUSE = pending()
ESTABLISHED = invite() + get_200() + ack() + pause(200)
ANSWERED = GET_INVITE + ANSWER + GET_ACK
HOLDS = takes("a=sendonly", sdp("recvonly", 2)) + takes("a=sendrecv", sdp(version=3))
ADDS = takes(BOTH, twice(2)) + takes(FIRST, twice(3, "0"))
REPLACES = '    <action><ereg regexp="tag=([^;]*)" search_in="hdr" header="To:" check_it="true" assign_to="checked,ours"/></action>\n'


def second(message):
    """The same message in another dialog of the same scenario."""
    return message.replace("Call-ID: [call_id]", "Call-ID: other///[call_id]").replace(";tag=[pid]c", ";tag=[pid]d")


SCENARIOS |= {
    # Hold: the other side's with the address 0.0.0.0, and ours.
    "uac_hold_nowhere": ESTABLISHED + offers(2, nowhere(2), "a=sendrecv") + pause(100)
    + offers(3, sdp(version=3), "a=sendrecv") + bye(4) + get(200),
    "uas_hold_nowhere": ANSWERED + pause(300) + offers(1, sdp("inactive", 2), "a=inactive", "uas") + pause(100)
    + offers(2, nowhere(3), "a=sendrecv", "uas") + pause(100) + offers(3, sdp(version=4), "a=sendrecv", "uas")
    + from_callee("BYE", 4) + get(200),
    "uac_held": ESTABLISHED + HOLDS + GET_BYE,
    "uas_held": ANSWERED + HOLDS + GET_BYE,
    # Streams are added and removed.
    "uac_add": ESTABLISHED + offers(2, twice(2), BOTH) + pause(300) + offers(3, twice(3, "0"), FIRST) + bye(4) + get(200),
    "uas_add": ANSWERED + pause(300) + offers(1, twice(2), BOTH, "uas") + pause(300)
    + offers(2, twice(3, "0"), FIRST, "uas") + from_callee("BYE", 3) + get(200),
    "uac_add_refused": ESTABLISHED + refused(2, 488, sdp(version=2) + MESSAGE) + pause(100)
    + offers(3, sdp(version=2), "m=audio [1-9]") + bye(4) + get(200),
    "uac_added": ESTABLISHED + ADDS + GET_BYE,
    "uas_added": ANSWERED + ADDS + GET_BYE,
    "uas_added_refused": ANSWERED + get_request("INVITE", check("m=audio [1-9].*m=audio [1-9]"))
    + response(488, "Not Acceptable Here", tag="", attributes=AGAIN) + GET_ACK + GET_BYE,
    # Glare. The callee, whose Call-ID it is not, waits up to 2 s; the caller waits longer, so that an offer of the callee's fits in between.
    "uac_glare": ESTABLISHED + get_request("INVITE", check(BOTH) + KEPT_PENDING) + refused(2, 491, sdp(version=2))
    + BOTH_REFUSE + takes(BOTH, twice(2)) + GET_BYE,
    "uas_glare": ANSWERED + get_request("INVITE", check(BOTH) + KEPT_PENDING) + refused(1, 491, sdp(version=2), "uas")
    + BOTH_REFUSE + offers(2, sdp(version=2), "m=audio", "uas") + takes(BOTH, twice(3)) + GET_BYE,
    # We are asked for an offer inside a call.
    "uac_reinvite_late": ESTABLISHED + asks_for_an_offer(2) + pause(200) + bye(3) + get(200),
    "uas_reinvite_late": ANSWERED + pause(300) + asks_for_an_offer(1, "uas") + pause(200) + from_callee("BYE", 2) + get(200),
    # A CANCEL that comes too late, and one that crosses the 200.
    "uac_cancel_late": invite() + get(100, OPTIONAL) + get(180, OPTIONAL) + get(200, 'rrs="true"')
    + CANCEL.replace("{back}", "4") + get(200, "", check("CANCEL", "CSeq:")) + ack() + pause(300) + bye(2) + get(200),
    "uas_cancelled": GET_KEPT + response(180, "Ringing") + get_request("CANCEL") + response(200, "OK", tag="")
    + later(487, "Request Terminated", attributes=AGAIN) + GET_ACK,
    "uas_cancel_race": GET_KEPT + response(180, "Ringing")
    + get_request("CANCEL") + response(200, "OK", tag="") + later(200, "OK", body=sdp(), attributes=AGAIN) + GET_ACK + GET_BYE,
    # UPDATE of the callee (RFC 3311).
    "uas_update": ANSWERED + pause(300) + from_callee("UPDATE", 1, sdp("sendonly", 2)) + get(200, "", check("a=recvonly"))
    + pause(100) + from_callee("UPDATE", 2) + get(200) + pause(100)
    + from_callee("UPDATE", 3, sdp(version=3)) + get(200, "", check("a=sendrecv")) + from_callee("BYE", 4) + get(200),
    # We transfer.
    "uac_referred": ESTABLISHED + is_referred("SIP/2.0 200 OK\n", "uac", 2) + GET_BYE,
    "uas_referred": ANSWERED + is_referred("SIP/2.0 200 OK\n", "uas") + GET_BYE,
    "uas_referred_busy": ANSWERED + is_referred("SIP/2.0 486 Busy Here\n", "uas") + pause(300) + from_callee("BYE", 3) + get(200),
    "uas_referred_not": ANSWERED + get_request("REFER", check("sip:carol@lab.test", "Refer-To:"))
    + response(603, "Decline", tag="") + GET_BYE,
    # We take the place of somebody in a call (RFC 3891), and somebody takes the place of another in ours.
    "uac_refer_attended": invite() + get_200() + ack() + pause(200)
    + request("REFER", 2, True, "Refer-To: <sip:service@[target]?Replaces=abc%40lab%3Bto-tag%3D1%3Bfrom-tag%3D2>\n") + get(202)
    + told("SIP/2.0 100", "active") + told("SIP/2.0 200", "terminated") + GET_BYE,
    "uas_replaced": get_request("INVITE", SAVE + check("abc@lab;to-tag=1;from-tag=2", "Replaces:"), 'rrs="true"')
    + ANSWER + GET_ACK + pause(500) + from_callee("BYE") + get(200),
    "uac_replaces": invite() + get(100, OPTIONAL) + get(180, OPTIONAL) + get(200, 'rrs="true"', REPLACES) + ack() + pause(200)
    + second(invite(extra="Replaces: [call_id];to-tag=[$ours];from-tag=[pid]c[call_number]\n"))
    + get_200() + second(ack()) + GET_BYE + pause(200) + second(bye()) + get(200),
}



def msrp(more, path=True):
    """A description of one stream over MSRP (RFC 4975 section 8), whose other end nobody listens at."""
    head = SDP.split("m=audio")[0].format(version=1) + "m=message 9 TCP/MSRP *\n"
    return head + ("a=path:msrp://[local_ip]:9/sippsession1;tcp\n" if path else "") + more


def is_told(*patterns):
    return "".join(check(pattern) for pattern in patterns)


CHAT = "a=accept-types:message/cpim text/plain\na=accept-wrapped-types:*\n"
FILE = (
    'a=accept-types:*\na=file-selector:name:"picture.png" type:image/png size:4096 hash:sha-1:'
    + ":".join(["AB"] * 20)
    + "\na=file-transfer-id:vBnG916bdberum2fFEABR1FR3ExZMUrd\n"
)
OUR_CHAT = (r"m=message [1-9][0-9]* TCP/MSRP \*", r"a=path:msrp://.*;tcp", "a=accept-types:message/cpim text/", "a=accept-wrapped-types:")
OUR_FILE = (
    r"m=message [1-9][0-9]* TCP/MSRP \*", "a=accept-types:\\*", "a=sendonly", "a=setup:active",
    r"a=file-selector:name:.picture.png. type:image/png size:4096 hash:sha-1:[0-9A-F:]*", "a=file-transfer-id:[0-9A-Za-z]*",
)


def offers_msrp(body, *expected):
    return invite(body=body) + get(100, OPTIONAL) + get(180, OPTIONAL) + get(200, 'rrs="true"', is_told(*expected)) + ack()


def offered_msrp(body, *expected):
    answer = response(200, "OK", body=body, attributes=AGAIN)
    return get_request("INVITE", is_told(*expected), 'rrs="true"') + answer + GET_ACK + GET_BYE


SCENARIOS |= {
    # Streams over MSRP: who connects is told by `setup` (RFC 6135), the file by its selector (RFC 5547).
    "uac_chat": offers_msrp(msrp(CHAT), "a=setup:passive", *OUR_CHAT) + pause(200) + bye() + get(200),
    "uac_chat_actpass": offers_msrp(msrp(CHAT + "a=setup:actpass\n"), "a=setup:passive", *OUR_CHAT) + pause(200) + bye() + get(200),
    "uac_chat_passive": offers_msrp(msrp(CHAT + "a=setup:passive\n"), "a=setup:active", *OUR_CHAT) + GET_BYE,
    "uac_chat_nowhere": invite(body=msrp(CHAT, path=False)) + get(100, OPTIONAL) + get(488) + ack_of_refusal(),
    "uac_file": offers_msrp(
        msrp(FILE + "a=sendonly\n"), "a=setup:passive", "a=recvonly", "a=file-selector:name:.picture.png.",
        "a=file-transfer-id:vBnG916bdberum2fFEABR1FR3ExZMUrd",
    ) + pause(200) + bye() + get(200),
    "uac_file_unknown": invite(body=msrp(FILE.replace("size:4096", "size:many") + "a=sendonly\n"))
    + get(100, OPTIONAL) + get(488) + ack_of_refusal(),
    "uas_chat": offered_msrp(msrp(CHAT + "a=setup:passive\n"), "a=setup:active", *OUR_CHAT),
    "uas_chat_acm": offered_msrp(msrp(CHAT + "a=setup:passive\n"), "a=setup:actpass", *OUR_CHAT),
    "uas_chat_refused": get_request("INVITE", is_told(*OUR_CHAT)) + response(488, "Not Acceptable Here", attributes=AGAIN) + GET_ACK,
    "uas_file": offered_msrp(msrp("a=accept-types:*\na=setup:passive\na=recvonly\n"), *OUR_FILE),
}

VARIABLES = ("remote", "local", "checked", "via", "cseq", "rseq", "caller", "callee", "ours")
for name, steps in SCENARIOS.items():
    # SIPp reads the first action of a message.
    steps = steps.replace("</action>\n    <action>", "")
    saved = [variable for variable in VARIABLES if re.search(f'assign_to="([a-z]+,)*{variable}[",]', steps)]
    unused = [variable for variable in saved if f"[${variable}]" not in steps]
    if unused:
        steps += f'  <Reference variables="{",".join(unused)}"/>\n'
    with open(os.path.join(HERE, name + ".xml"), "w", encoding="ascii") as file:
        file.write('<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n')
        file.write(f'<scenario name="{name}">\n{steps}</scenario>\n')
print(len(SCENARIOS), "scenarios")
