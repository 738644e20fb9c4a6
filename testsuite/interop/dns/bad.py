#!/usr/bin/env python3
"""A name server that misbehaves: bad.py PORT, UDP and TCP on 127.0.0.1. The first label of the question without an underscore says how:

drop, servfail, refused, nxdomain, garbage; wrongid (only), wrongq (another question), short (cut), loop (a name that points at itself),
badrdlen (a record longer than the message), trunc (all of it over TCP only), trunc-notcp (over TCP neither), late (after 1.5 s),
spoof (a wrong id and address first), anything else (a good answer)."""
import socket
import struct
import sys
import threading
import time

A, SRV = 1, 33


def labels_of(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("latin1").lower())
        at += query[at] + 1
    return labels, at + 5


def answers(query, over_tcp):
    """What is sent, in order; a number is a pause in seconds."""
    labels, end = labels_of(query)
    number, question = query[:2], query[12:end]
    kind = struct.unpack(">H", query[end - 4 : end - 2])[0]
    fault = next((label for label in labels if not label.startswith("_")), "")

    def header(flags, records, number=number):
        return number + struct.pack(">HHHHH", flags, 1, records, 0, 0)

    def record(owner, length, data):
        return owner + struct.pack(">HHIH", kind, 1, 30, length) + data

    data = {A: b"\x7f\0\0\1", SRV: struct.pack(">HHH", 10, 0, 5070) + b"\4sip1\3lab\4test\0"}.get(kind)
    records = record(b"\xc0\x0c", len(data), data) if data else b""
    good = header(0x8580, 1 if data else 0) + question + records
    wrong = struct.pack(">H", struct.unpack(">H", number)[0] ^ 1)
    faults = {
        "drop": [],
        "servfail": [header(0x8182, 0) + question],
        "refused": [header(0x8185, 0) + question],
        "nxdomain": [header(0x8583, 0) + question],
        "wrongid": [wrong + good[2:]],
        "short": [good[:15]],
        "garbage": [b"\xff" * 40],
        "loop": [header(0x8580, 1) + question + record(b"\xc0" + bytes([12 + len(question)]), 4, b"\x7f\0\0\1")],
        "trunc": [good if over_tcp else header(0x8780, 0) + question],
        "trunc-notcp": [b"" if over_tcp else header(0x8780, 0) + question],
        "late": [1.5, good],
        "wrongq": [header(0x8580, 1) + b"\5other\4test\0\0\1\0\1" + records],
        "badrdlen": [header(0x8580, 1) + question + record(b"\xc0\x0c", 400, b"\x7f")],
        "spoof": [wrong + good[2:-1] + b"\x42", good],
    }
    return faults.get(fault, [good])


def speak(answers, send):
    for answer in answers:
        if isinstance(answer, float):
            time.sleep(answer)
        elif answer:
            send(answer)


def serve_tcp(listener):
    while True:
        connection, _ = listener.accept()
        connection.settimeout(3)
        try:
            length = struct.unpack(">H", connection.recv(2))[0]
            query = connection.recv(length)
            speak(answers(query, True), lambda data: connection.sendall(struct.pack(">H", len(data)) + data))
        except OSError:
            pass
        connection.close()


def main():
    here = ("127.0.0.1", int(sys.argv[1]))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(here)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(here)
    listener.listen(8)
    threading.Thread(target=serve_tcp, args=(listener,), daemon=True).start()
    print("ready", flush=True)
    while True:
        query, peer = datagrams.recvfrom(4096)
        send = lambda data, peer=peer: datagrams.sendto(data, peer)
        threading.Thread(target=speak, args=(answers(query, False), send), daemon=True).start()


main()
