#!/usr/bin/env python3
"""A SIP user agent on PJSIP's pjsua2: it plays a file to whom it talks, and records what it hears. Prints what happens, a line each."""
import argparse
import gc
import os
import time

import pjsua2 as pj

PARSER = argparse.ArgumentParser()
PARSER.add_argument("--address", default="127.0.0.1")
PARSER.add_argument("--port", type=int, required=True, help="for UDP and TCP; the next one is for TLS")
PARSER.add_argument("--pem", help="certificate and key")
PARSER.add_argument("--ca", help="the authority of others")
PARSER.add_argument("--transport", default="udp", help="to call over")
PARSER.add_argument("--codec", default="PCMA")
PARSER.add_argument("--srtp", choices=("off", "optional", "mandatory"), default="off")
PARSER.add_argument("--ice", action="store_true")
PARSER.add_argument("--renew", action="store_true", help="2 s into the call, offer media anew: other ICE credentials, and other keys")
PARSER.add_argument("--vad", action="store_true", help="do not send silence; PJSIP describes none, either")
PARSER.add_argument("--play", required=True)
PARSER.add_argument("--record", required=True)
PARSER.add_argument("--call", help="whom to call, for 4 s, or 7 s with --renew; without it the first call is answered")
OPTIONS = PARSER.parse_args()
HERE = OPTIONS.address


def say(*words):
    print(*words, flush=True)


class Call(pj.Call):
    over = False

    def onCallState(self, _):
        info = self.getInfo()
        say("call", info.stateText, info.lastStatusCode)
        self.over = info.state == pj.PJSIP_INV_STATE_DISCONNECTED

    def onCallMediaState(self, _):
        info = self.getInfo()  # Its list of media lives as long as this.
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                audio = self.getAudioMedia(media.index)
                player.startTransmit(audio)
                audio.startTransmit(recorder)
                say("audio", self.getStreamInfo(media.index).codecName)


class Account(pj.Account):
    call = None

    def onIncomingCall(self, prm):
        self.call = Call(self, prm.callId)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        self.call.answer(answer)


endpoint = pj.Endpoint()
endpoint.libCreate()
config = pj.EpConfig()
config.logConfig.level = config.logConfig.consoleLevel = 0
config.uaConfig.threadCnt = 1
config.medConfig.noVad = not OPTIONS.vad
endpoint.libInit(config)
transports = {}
kinds = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}
if OPTIONS.pem:
    kinds["tls"] = pj.PJSIP_TRANSPORT_TLS
for name, kind in kinds.items():
    transport = pj.TransportConfig()
    transport.boundAddress = HERE
    transport.port = OPTIONS.port + (name == "tls")
    if name == "tls":
        transport.tlsConfig.certFile = transport.tlsConfig.privKeyFile = OPTIONS.pem
        transport.tlsConfig.CaListFile = OPTIONS.ca
        transport.tlsConfig.verifyServer = True
    transports[name] = endpoint.transportCreate(kind, transport)
endpoint.libStart()
endpoint.audDevManager().setNullDev()
for codec in endpoint.codecEnum2():
    endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith(OPTIONS.codec) else 0)
player = pj.AudioMediaPlayer()
player.createPlayer(OPTIONS.play)
recorder = pj.AudioMediaRecorder()
recorder.createRecorder(OPTIONS.record)

settings = pj.AccountConfig()
settings.idUri = f"sip:pjsua@{HERE}:{OPTIONS.port}"
if OPTIONS.transport != "udp":
    settings.sipConfig.transportId = transports[OPTIONS.transport]
settings.mediaConfig.transportConfig.boundAddress = HERE
settings.natConfig.iceEnabled = OPTIONS.ice
settings.mediaConfig.srtpUse = ("off", "optional", "mandatory").index(OPTIONS.srtp)
settings.mediaConfig.srtpSecureSignaling = 0
account = Account()
account.create(settings)
say("ready")
if OPTIONS.call:
    account.call = Call(account)
    account.call.makeCall(OPTIONS.call, pj.CallOpParam(True))
end = time.time() + 40
hang_up = renew = None
while time.time() < end and not (account.call and account.call.over):
    time.sleep(0.05)
    confirmed = account.call and not account.call.over and account.call.getInfo().state == pj.PJSIP_INV_STATE_CONFIRMED
    if OPTIONS.call and confirmed and hang_up is None:
        hang_up = time.time() + (7 if OPTIONS.renew else 4)
    if OPTIONS.renew and confirmed and renew is None:
        renew = time.time() + 2
    if renew and time.time() >= renew and confirmed:
        anew = pj.CallOpParam(True)
        anew.opt.flag = pj.PJSUA_CALL_REINIT_MEDIA
        account.call.reinvite(anew)
        say("renewed")
        renew = end
    if hang_up and time.time() >= hang_up and confirmed:
        account.call.hangup(pj.CallOpParam())
        hang_up = end
# The recorder writes the header of its file when it goes.
time.sleep(0.5)
account.call = None
account.shutdown()
del recorder, player
gc.collect()
say("end")
try:
    endpoint.libDestroy()
except pj.Error:
    pass
# What is left of the module would crash in Python's own end.
os._exit(0)
