"""A simulated robot behind python-asyncua by the types of OPC 40010-1: a server and a nodeset that nobody here wrote.

It takes the commands `write` and `count` of asyncua_arm.py. Arguments: port, folder of the nodesets, then options:
--asset-id TEXT, --late (the robot is there only after the command {"do": "appear"}).
{"do": "appear", "asset_id": TEXT, "as": NAME} adds a further robot, whose nodes are called NAME.Count and so on.
"""

import argparse
import asyncio
import datetime
from pathlib import Path

from asyncua import Server, ua

from commands import answer_commands

NAMESPACE = "http://tachograph.example/maker"
ROBOTICS = "http://opcfoundation.org/UA/Robotics/"
DI = "http://opcfoundation.org/UA/DI/"
NODESETS = ["Di", "IA", "Machinery", "Robotics"]
SYSTEM, DEVICE, AXIS, TRAIN, MOTOR, GEAR, CONTROLLER, TASK, SAFETY, LOAD = (
    1002, 1004, 16601, 16794, 1019, 1022, 1003, 1011, 1013, 1018)
CONTROLS, MOVES, REQUIRES = 4002, 18178, 18179


class Robot:
    def __init__(self, options):
        self.options = options
        self.nodes = {}
        self.called = ""
        self.arm_type = None

    async def start(self):
        server = Server()
        await server.init()
        self.server = server
        server.set_endpoint(f"opc.tcp://127.0.0.1:{self.options.port}/arm")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        for name in NODESETS:
            await server.import_xml(Path(self.options.nodesets) / f"Opc.Ua.{name}.NodeSet2.xml")
        self.own = await server.register_namespace(NAMESPACE)
        self.robotics = await server.get_namespace_index(ROBOTICS)
        self.di = await server.get_namespace_index(DI)
        if not self.options.late:
            await self.appear(self.options.asset_id)
        await server.start()

    def of_robotics(self, number):
        return ua.NodeId(number, self.robotics)

    async def made(self, parent, name, number):
        return await parent.add_object(
            self.own, name, objecttype=self.of_robotics(number), instantiate_optional=True)

    async def child(self, node, *path):
        """The node of a path of names, whatever their namespaces are."""
        for name in path:
            for child in await node.get_children():
                if (await child.read_browse_name()).Name == name:
                    node = child
                    break
            else:
                raise KeyError(f"{name} of {path} below {node}")
        return node

    async def unit(self, variable, code, shown):
        unit = await self.child(variable, "EngineeringUnits")
        text = ua.LocalizedText(shown)
        number = int.from_bytes(code.encode(), "big")
        await unit.write_value(ua.EUInformation("http://www.opcfoundation.org/UA/units/un/cefact", number, text, text))

    async def appear(self, asset_id, called=""):
        self.called = called
        device_set = self.server.get_node(ua.NodeId(5001, self.di))
        system = await self.made(device_set, f"{called}Cell", SYSTEM)
        if self.arm_type is None:
            # A maker has a type of his own below that of the specification.
            base = self.server.get_node(self.of_robotics(DEVICE))
            self.arm_type = await base.add_object_type(self.own, "MakersArmType")
        folder = await self.child(system, "MotionDevices")
        arm = await folder.add_object(self.own, "Arm", objecttype=self.arm_type.nodeid, instantiate_optional=True)
        await (await self.child(arm, "SerialNumber")).write_value(f"SN-1{called}", ua.VariantType.String)
        if asset_id:
            try:
                asset = await self.child(arm, "AssetId")
                await asset.write_value(asset_id, ua.VariantType.String)
            except KeyError:
                await arm.add_property(ua.NodeId(), ua.QualifiedName("AssetId", self.di), asset_id)
        axes, trains = await self.child(arm, "Axes"), await self.child(arm, "PowerTrains")
        for number in (1, 2):
            await self.joint(axes, trains, number)
        await self.payload(arm)
        await self.keep("InControl", arm, ["ParameterSet", "InControl"], True)
        counters = await arm.add_object(self.di, "OperationCounters")
        await counters.add_variable(self.di, "OperationDuration", 0.0)
        await self.keep("Operation", counters, ["OperationDuration"], 0.0)
        controller = await self.made(await self.child(system, "Controllers"), "Controller", CONTROLLER)
        await controller.add_reference(arm, self.of_robotics(CONTROLS))
        await self.keep("PowerOn", controller, ["ParameterSet", "TotalPowerOnTime"], "PT0S")
        task = await self.made(await self.child(controller, "TaskControls"), "Task", TASK)
        await self.keep("Count", task, ["ParameterSet", "TaskProgramName"], "")
        safety = await self.made(await self.child(system, "SafetyStates"), "Safety", SAFETY)
        await self.keep("EStop", safety, ["ParameterSet", "EmergencyStop"], False)
        await self.keep("Guard", safety, ["ParameterSet", "ProtectiveStop"], False)
        await self.keep("Mode", safety, ["ParameterSet", "OperationalMode"], 0)

    async def joint(self, axes, trains, number):
        axis = await self.made(axes, f"J{number}", AXIS)
        train = await self.made(trains, f"Train{number}", TRAIN)
        motor, gear = await self.made(train, "Motor", MOTOR), await self.made(train, "Gear", GEAR)
        await axis.add_reference(train, self.of_robotics(REQUIRES))
        await train.add_reference(axis, self.of_robotics(MOVES))
        position = await self.keep(f"Position{number}", axis, ["ParameterSet", "ActualPosition"], 0.0)
        speed = await self.keep(f"Speed{number}", axis, ["ParameterSet", "ActualSpeed"], 0.0)
        temp = await self.keep(f"Temp{number}", motor, ["ParameterSet", "MotorTemperature"], 20.0)
        # The second one is linear.
        await self.unit(position, "DD" if number == 1 else "MMT", "°" if number == 1 else "mm")
        await self.unit(speed, "E96" if number == 1 else "C16", "°/s" if number == 1 else "mm/s")
        await self.unit(temp, "KEL", "K")
        ratio = await self.child(gear, "GearRatio")
        await ratio.write_value(ua.RationalNumber(101, 1))

    async def payload(self, arm):
        load = await self.child(arm, "FlangeLoad")
        mass = await self.keep("Payload", load, ["Mass"], 0.0)
        await self.unit(mass, "KGM", "kg")

    async def keep(self, name, node, path, first):
        variable = await self.child(node, *path)
        kind = await variable.read_data_type_as_variant_type()
        name = f"{self.called}.{name}" if self.called else name
        self.nodes[name] = (variable, kind)
        await self.write(name, first)
        return variable

    async def write(self, name, value):
        variable, kind = self.nodes[name]
        if kind == ua.VariantType.String:
            value = str(value)
        now = datetime.datetime.now(datetime.timezone.utc)
        await variable.write_value(ua.DataValue(ua.Variant(value, kind), SourceTimestamp=now, ServerTimestamp=now))

    async def do(self, command):
        match command["do"]:
            case "write":
                await self.write(command["node"], command["value"])
            case "count":
                for value in range(command["from"], command["to"] + 1):
                    await self.write(command["node"], value)
                    await asyncio.sleep(command["every_ms"] / 1000)
            case "appear":
                await self.appear(command.get("asset_id", self.options.asset_id), command.get("as", ""))
        return {"done": command["do"]}

    async def run(self):
        await self.start()
        await answer_commands(self.options.port, self.do)
        await self.server.stop()


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("nodesets")
    parser.add_argument("--asset-id")
    parser.add_argument("--late", action="store_true")
    return parser.parse_args()


asyncio.run(Robot(options()).run())
