"""A simulated arm behind python-asyncua: a server that nobody here wrote, told what to do by lines on stdin.

Each line is a command in JSON; each is answered by one line in JSON on stdout.
  {"do": "write", "node": NAME, "value": X}          one value, source time now
  {"do": "count", "node": NAME, "from": A, "to": B, "every_ms": N}   values A to B, one each N ms; answers at the end
  {"do": "bad", "node": NAME}                        a value with a bad status
  {"do": "delete", "node": NAME}, {"do": "add", "node": NAME}
  {"do": "unit", "node": NAME, "code": CODE}         another unit, by its UNECE code; "bad" for one that cannot be read
  {"do": "occupy", "node": NAME}                     another client subscribes to a node; gives its subscription's number
Arguments: port, then options: --security, --user NAME:PASSWORD, --clock-off SECONDS, --units, --unit NODE=CODE,
--no-start-time (the server does not say when it was started), --application URI (where its certificate is another one's), --no-uri (its certificate names no application),
--user-certificates FOLDER (it makes two there, known.der and stranger.der with their keys known.pem and stranger.pem, takes
the first one as a user and nobody else, and leaves out by which policy it is to be proved), --history NODE (it keeps all values of the node; several times for several nodes)
"""

import argparse
import asyncio
import datetime
import tempfile
from pathlib import Path

from asyncua import Client, Server, ua
from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem, generate_private_key, generate_self_signed_app_certificate, setup_self_signed_certificate)
from asyncua.crypto.permission_rules import SimpleRoleRuleset
from asyncua.server.user_managers import UserManager
from asyncua.crypto.permission_rules import User, UserRole
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from commands import answer_commands

NAMESPACE = "http://tachograph.example/arm"
NODES = {
    "PowerOn": (100.0, "hours", "HUR"),
    "Speed": (0.0, "°/s", "E96"),
    "Torque": (0.0, "N·m", "NU"),
    "Temp": (40.0, "°C", "CEL"),
    "EStop": (False, None, None),
    "Count": (0.0, None, None),
}


class Ignored:
    def datachange_notification(self, node, value, data):
        pass

    def status_change_notification(self, status):
        pass


class Users(UserManager):
    def __init__(self, user):
        self.user = user
        self.certificate = None

    def get_user(self, iserver, username=None, password=None, certificate=None):
        if self.certificate is not None:
            return User(role=UserRole.Admin) if certificate == self.certificate else None
        if self.user is None or f"{username}:{password}" == self.user:
            return User(role=UserRole.Admin)
        return None


class Arm:
    def __init__(self, options):
        self.options = options
        self.nodes = {}
        self.units = {}
        self.clients = []

    def now(self):
        return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.options.clock_off)

    def value(self, value, status=ua.StatusCodes.Good):
        now = self.now()
        kind = ua.VariantType.Boolean if isinstance(value, bool) else ua.VariantType.Double
        return ua.DataValue(
            ua.Variant(value, kind), ua.StatusCode(status), SourceTimestamp=now, ServerTimestamp=now
        )

    async def start(self):
        options = self.options
        users = Users(options.user)
        server = Server(user_manager=users)
        await server.init()
        self.server = server
        server.set_endpoint(f"opc.tcp://127.0.0.1:{options.port}/arm")
        server.set_server_name("arm")
        policies = [ua.SecurityPolicyType.NoSecurity]
        if options.security:
            await self.certificate()
            policies = [ua.SecurityPolicyType.NoSecurity, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
        server.set_security_policy(policies, permission_ruleset=SimpleRoleRuleset() if options.security else None)
        if options.user:
            server.set_identity_tokens([ua.UserNameIdentityToken])
        if options.user_certificates:
            server.set_identity_tokens([ua.X509IdentityToken])
            users.certificate = await self.user_certificates(Path(options.user_certificates))
        self.index = await server.register_namespace(NAMESPACE)
        self.folder = await server.nodes.objects.add_object(self.index, "Arm")
        for name in NODES:
            await self.add(name)
        await server.start()
        for endpoint in server.iserver.endpoints if options.user_certificates else []:
            for token in endpoint.UserIdentityTokens:
                token.SecurityPolicyUri = None
        for name in options.history:
            await self.keep(self.nodes[name])
        if options.no_start_time:
            await server.delete_nodes([server.get_node(ua.ObjectIds.Server_ServerStatus_StartTime)])

    async def certificate(self):
        folder = Path(self.options.certificates or tempfile.mkdtemp())
        key, cert = folder / "key.pem", folder / "cert.der"
        uri = "urn:tachograph:test-arm"
        await self.server.set_application_uri(uri)
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        if self.options.no_uri:
            private = generate_private_key()
            names = [x509.DNSName("localhost")]
            made = generate_self_signed_app_certificate(private, "arm", {}, names, uses)
            key.write_bytes(dump_private_key_as_pem(private))
            cert.write_bytes(made.public_bytes(Encoding.DER))
        else:
            await setup_self_signed_certificate(key, cert, uri, "localhost", uses, {})
        await self.server.load_certificate(str(cert))
        await self.server.load_private_key(str(key))
        if self.options.application:
            await self.server.set_application_uri(self.options.application)

    async def user_certificates(self, folder):
        for name in ("known", "stranger"):
            await setup_self_signed_certificate(
                folder / f"{name}.pem", folder / f"{name}.der", f"urn:{name}", "localhost",
                [ExtendedKeyUsageOID.CLIENT_AUTH], {}
            )
        return (folder / "known.der").read_bytes()

    async def add(self, name):
        first, unit, code = NODES[name]
        kind = ua.VariantType.Boolean if isinstance(first, bool) else ua.VariantType.Double
        node = await self.folder.add_variable(ua.NodeId(name, self.index), name, first, kind)
        await node.write_value(self.value(first))
        other = dict(option.split("=") for option in self.options.unit)
        if self.options.units and unit or name in other:
            self.units[name] = await node.add_property(
                ua.NodeId(f"{name}.EU", self.index), ua.QualifiedName("EngineeringUnits", 0), self.information(code, unit)
            )
            if name in other:
                await self.unit(name, other[name])
        self.nodes[name] = node

    async def keep(self, node):
        await self.server.historize_node_data_change(node)
        await node.set_attr_bit(ua.AttributeIds.AccessLevel, ua.AccessLevel.HistoryRead)
        await node.set_attr_bit(ua.AttributeIds.UserAccessLevel, ua.AccessLevel.HistoryRead)
        await node.write_attribute(ua.AttributeIds.Historizing, ua.DataValue(True))

    def information(self, code, shown):
        number = int.from_bytes(code.encode(), "big")
        text = ua.LocalizedText(shown)
        return ua.EUInformation("http://www.opcfoundation.org/UA/units/un/cefact", number, text, text)

    async def unit(self, name, code):
        value = ua.DataValue(ua.Variant(), ua.StatusCode(ua.StatusCodes.BadNotReadable))
        if code != "bad":
            value = ua.DataValue(ua.Variant(self.information(code, "")))
        await self.units[name].write_value(value)

    async def occupy(self, name):
        client = Client(f"opc.tcp://127.0.0.1:{self.options.port}/arm")
        await client.connect()
        subscription = await client.create_subscription(100, Ignored())
        await subscription.subscribe_data_change(client.get_node(self.nodes[name].nodeid))
        self.clients.append(client)
        return subscription.subscription_id

    async def do(self, command):
        node = self.nodes.get(command.get("node"))
        match command["do"]:
            case "write":
                await node.write_value(self.value(command["value"]))
            case "bad":
                await node.write_value(self.value(0.0, ua.StatusCodes.BadSensorFailure))
            case "count":
                for value in range(command["from"], command["to"] + 1):
                    await node.write_value(self.value(float(value)))
                    await asyncio.sleep(command["every_ms"] / 1000)
            case "delete":
                await self.server.delete_nodes([self.nodes.pop(command["node"])])
            case "add":
                await self.add(command["node"])
            case "unit":
                await self.unit(command["node"], command["code"])
            case "occupy":
                return {"done": "occupy", "subscription": await self.occupy(command["node"])}
        return {"done": command["do"]}

    async def run(self):
        await self.start()
        await answer_commands(self.options.port, self.do)
        await self.server.stop()


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--security", action="store_true")
    parser.add_argument("--certificates")
    parser.add_argument("--user")
    parser.add_argument("--user-certificates")
    parser.add_argument("--clock-off", type=float, default=0.0)
    parser.add_argument("--units", action="store_true")
    parser.add_argument("--unit", action="append", default=[])
    parser.add_argument("--no-start-time", action="store_true")
    parser.add_argument("--application")
    parser.add_argument("--no-uri", action="store_true")
    parser.add_argument("--history", action="append", default=[])
    return parser.parse_args()


asyncio.run(Arm(options()).run())
