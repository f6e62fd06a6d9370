"""A made-up ONVIF camera: device and media services over HTTP, and its answers to WS-Discovery on loopback."""
import base64
import hashlib
import http.server
import re
import socket
import struct
import threading
import time
from xml.sax.saxutils import escape, unescape

GROUP, PORT = "239.255.255.250", 3702
DEVICE, MEDIA, MEDIA2 = (f"http://www.onvif.org/{v}/wsdl" for v in ("ver10/device", "ver10/media", "ver20/media"))
ENVELOPE = ('<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:ter="http://www.onvif.org/ver10/error" xmlns:tt="http://www.onvif.org/ver10/schema" '
            f'xmlns:tds="{DEVICE}" xmlns:trt="{MEDIA}" xmlns:tr2="{MEDIA2}"><env:Body>%s</env:Body></env:Envelope>')
FAULT = ('<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>%s</env:Value></env:Subcode>'
         '</env:Code><env:Reason><env:Text xml:lang="en">%s</env:Text></env:Reason></env:Fault>')
LAUGHS = ('<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij")) + ']><env:Envelope>&j;</env:Envelope>')
FOREIGN = "192.0.2.99"


class Profile:
    def __init__(self, token, encoding="H264", size=(1920, 1080), fps=25, kbit=4096, gop=50, source="lens1", uri=None):
        self.token, self.encoding, self.size, self.fps, self.kbit = token, encoding, size, fps, kbit
        self.gop, self.source, self.uri = gop, source, uri or f"rtsp://127.0.0.1:554/{token}?channel=1&subtype=0"

    def encoder(self, media2):
        width, height = self.size
        gop = "" if media2 else f"<tt:H264><tt:GovLength>{self.gop}</tt:GovLength></tt:H264>"
        return (f"<tt:Encoding>{self.encoding}</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width>"
                f"<tt:Height>{height}</tt:Height></tt:Resolution><tt:RateControl><tt:FrameRateLimit>{self.fps}"
                f"</tt:FrameRateLimit><tt:BitrateLimit>{self.kbit}</tt:BitrateLimit></tt:RateControl>{gop}")

    def xml(self, media2):
        source, token = f"<tt:SourceToken>{self.source}</tt:SourceToken>", escape(self.token)
        if media2:
            return (f'<tr2:Profiles token="{token}"><tr2:Name>name of {token}</tr2:Name><tr2:Configurations>'
                    f'<tr2:VideoSource token="s">{source}</tr2:VideoSource><tr2:VideoEncoder token="e" '
                    f'GovLength="{self.gop}">{self.encoder(True)}</tr2:VideoEncoder></tr2:Configurations></tr2:Profiles>')
        return (f'<trt:Profiles token="{token}"><tt:Name>name of {token}</tt:Name>'
                f'<tt:VideoSourceConfiguration token="s">{source}</tt:VideoSourceConfiguration>'
                f'<tt:VideoEncoderConfiguration token="e">{self.encoder(False)}</tt:VideoEncoderConfiguration></trt:Profiles>')


class OnvifCamera:
    """auth: ws, http or none. clock_s: how far its clock is off. say: replaces answers (operation → bytes, or a
    function of camera and handler). discovery: it answers multicasts on loopback, with these XAddrs if given."""

    def __init__(self, *profiles, user="admin", password="se<cr&et", auth="ws", clock_s=0, ntp=False, media2=True,
                 name="活动室 \"东\"", say=None, discovery=False, xaddrs=None):
        self.profiles = profiles or (Profile("main"), Profile("sub", size=(640, 360), kbit=512))
        self.user, self.password, self.auth, self.clock_s, self.ntp = user, password, auth, clock_s, ntp
        self.media2, self.name, self.say = media2, name, say or {}
        self.calls, self.attempts = [], 0
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                try:
                    camera.answer(self)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/onvif/device_service"
        self._threads = [threading.Thread(target=self._server.serve_forever, args=(0.05,))]
        self._udp = self._open_udp() if discovery else None
        self._xaddrs = xaddrs or f"http://{FOREIGN}/onvif/device_service {self.url}"
        if discovery:
            self._threads.append(threading.Thread(target=self._serve_udp))

    def __enter__(self):
        for t in self._threads:
            t.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        if self._udp:
            self._wake()
        for t in self._threads:
            t.join()
        self._server.server_close()
        if self._udp:
            self._udp.close()

    # --- SOAP over HTTP ----------------------------------------------------------------------

    def send(self, handler, body, status=200, headers=()):
        data = body if isinstance(body, bytes) else body.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/soap+xml; charset=utf-8")
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def answer(self, handler):
        text = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
        operation = re.search(r"<s:Body><q:(\w+)", text)
        operation = operation[1] if operation else ""
        self.calls.append(operation)
        if operation in self.say:
            said = self.say[operation]
            return said(self, handler) if callable(said) else self.send(handler, said)
        if operation not in ("GetSystemDateAndTime", "GetServices", "GetCapabilities") and self.auth != "none":
            if not self.lets_in(handler, text):
                return None
        answer = getattr(self, "say_" + operation, None)
        if not answer:
            return self.send(handler, ENVELOPE % (FAULT % ("ter:ActionNotSupported", "no such thing")), 400)
        return self.send(handler, ENVELOPE % answer("tr2:" if f'xmlns:q="{MEDIA2}"' in text else "trt:", text))

    def lets_in(self, handler, text):
        if self.auth == "ws" and self.token_is_right(text):
            return True
        if self.auth == "http" and self.digest_is_right(handler.headers.get("Authorization", "")):
            return True
        self.attempts += "UsernameToken" in text or "Authorization" in handler.headers
        if self.auth == "http":
            self.send(handler, "", 401, [("WWW-Authenticate", 'Digest realm="cam", nonce="abc", qop="auth"')])
        else:
            self.send(handler, ENVELOPE % (FAULT % ("ter:NotAuthorized", "Sender not Authorized")), 400)
        return False

    def token_is_right(self, text):
        """The digest, and made within five seconds of this camera's own clock."""
        found = re.search(r"<w:Username>(.*?)</w:Username>.*PasswordDigest\">(.*?)<.*Base64Binary\">(.*?)<"
                          r".*<u:Created>(.*?)<", text)
        if not found:
            return False
        user, digest, nonce, created = found.groups()
        right = hashlib.sha1(base64.b64decode(nonce) + created.encode() + self.password.encode()).digest()
        made = time.mktime(time.strptime(created[:19] + " UTC", "%Y-%m-%dT%H:%M:%S %Z")) - time.timezone
        return (user == self.user and base64.b64decode(digest) == right
                and abs(made - time.time() - self.clock_s) < 5)

    def digest_is_right(self, header):
        got = dict(re.findall(r'(\w+)="?([^",]+)"?', header))
        if not header.startswith("Digest"):
            return False

        def md5(*parts):
            return hashlib.md5(":".join(parts).encode()).hexdigest()
        return got["response"] == md5(md5(self.user, "cam", self.password), "abc", got["nc"], got["cnonce"], "auth",
                                      md5("POST", got["uri"]))

    def say_GetSystemDateAndTime(self, _prefix, _text):
        t = time.gmtime(time.time() + self.clock_s)
        return ("<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>"
                f"{'NTP' if self.ntp else 'Manual'}</tt:DateTimeType><tt:UTCDateTime><tt:Time><tt:Hour>{t.tm_hour}</tt:Hour>"
                f"<tt:Minute>{t.tm_min}</tt:Minute><tt:Second>{t.tm_sec}</tt:Second></tt:Time><tt:Date><tt:Year>{t.tm_year}"
                f"</tt:Year><tt:Month>{t.tm_mon}</tt:Month><tt:Day>{t.tm_mday}</tt:Day></tt:Date></tt:UTCDateTime>"
                "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>")

    def service(self, path):
        return f"<tt:XAddr>http://127.0.0.1:{self.port}/onvif/{path}</tt:XAddr>"

    def say_GetServices(self, _prefix, _text):
        if not self.media2:
            return FAULT % ("ter:ActionNotSupported", "too old for that")
        return "<tds:GetServicesResponse>" + "".join(
            f"<tds:Service><tds:Namespace>{ns}</tds:Namespace>{self.service(path).replace('tt:', 'tds:')}</tds:Service>"
            for ns, path in ((DEVICE, "device_service"), (MEDIA, "media"), (MEDIA2, "media2"))) + "</tds:GetServicesResponse>"

    def say_GetCapabilities(self, _prefix, _text):
        return ("<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media>" + self.service("media")
                + "</tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>")

    def say_GetProfiles(self, prefix, _text):
        inside = "".join(p.xml(prefix == "tr2:") for p in self.profiles)
        return f"<{prefix}GetProfilesResponse>{inside}</{prefix}GetProfilesResponse>"

    def say_GetStreamUri(self, prefix, text):
        token = unescape(re.search(r"<q:ProfileToken>(.*?)<", text)[1])
        asked = escape(next(p.uri for p in self.profiles if p.token == token))
        inside = (f"<tr2:Uri>{asked}</tr2:Uri>" if prefix == "tr2:" else
                  f"<trt:MediaUri><tt:Uri>{asked}</tt:Uri></trt:MediaUri>")
        return f"<{prefix}GetStreamUriResponse>{inside}</{prefix}GetStreamUriResponse>"

    def say_GetDeviceInformation(self, _prefix, _text):
        return ("<tds:GetDeviceInformationResponse><tds:Manufacturer>ACME\x7f</tds:Manufacturer><tds:Model>IPC-1</tds:Model>"
                "<tds:FirmwareVersion>V5.5.0</tds:FirmwareVersion></tds:GetDeviceInformationResponse>")

    def scopes(self):
        name = "".join(f"%{b:02X}" for b in self.name.encode())
        return (f"onvif://www.onvif.org/name/{name}", "onvif://www.onvif.org/hardware/IPC-1",
                "onvif://www.onvif.org/location/floor%201", "onvif://www.onvif.org/Profile/Streaming")

    def say_GetScopes(self, _prefix, _text):
        return "<tds:GetScopesResponse>" + "".join(
            f"<tds:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>{s}</tt:ScopeItem></tds:Scopes>"
            for s in self.scopes()) + "</tds:GetScopesResponse>"

    # --- WS-Discovery --------------------------------------------------------------------------

    @staticmethod
    def _open_udp():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((GROUP, PORT))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                     struct.pack("=4s4s", socket.inet_aton(GROUP), socket.inet_aton("127.0.0.1")))
        return s

    def _wake(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            s.sendto(b"stop", (GROUP, PORT))

    def _serve_udp(self):
        while True:
            data, client = self._udp.recvfrom(65536)
            if data == b"stop":
                return
            probe = re.search(rb"<a:MessageID>(.*?)</a:MessageID>.*<d:Types>dn:NetworkVideoTransmitter<", data)
            if not probe:
                continue
            self.calls.append("Probe")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind(("127.0.0.1", 0))
                for noise in (b"", b"\0\xff" * 500, LAUGHS.encode(), b"<a>" * 5000):
                    s.sendto(noise, client)
                s.sendto(self.match(probe[1].decode()).encode(), client)

    def match(self, relates_to):
        return ('<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
                'xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
                'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header><w:RelatesTo>'
                f"{relates_to}</w:RelatesTo></e:Header><e:Body><d:ProbeMatches><d:ProbeMatch><w:EndpointReference>"
                f"<w:Address>urn:uuid:{self.port:08d}-0000-4000-8000-000000000000</w:Address></w:EndpointReference>"
                f"<d:Scopes>{' '.join(self.scopes())}</d:Scopes><d:XAddrs>{self._xaddrs}</d:XAddrs>"
                "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>")
