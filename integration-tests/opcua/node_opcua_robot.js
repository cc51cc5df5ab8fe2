// A simulated robot behind node-opcua by the types of OPC 40010-1: a server and a nodeset that nobody here wrote.
//
// It takes the commands `write` and `count` of asyncua_arm.py. Arguments: port, folder of the nodesets, folder of its own
// for certificates, the text of its AssetId, which may be empty, and "history" if it is to keep the values of all nodes.

"use strict";
const path = require("path");
const readline = require("readline");

// Standard output has answers and nothing else.
console.log = console.error;
const opcua = require("node-opcua");

const [port, nodesets, own, assetId, history] = process.argv.slice(2);
const MAKER = "http://tachograph.example/maker";
const ROBOTICS = "http://opcfoundation.org/UA/Robotics/";
const DI = "http://opcfoundation.org/UA/DI/";
const { DataType, StatusCodes, Variant } = opcua;
const nodes = {};

function answer(told) {
    process.stdout.write(`${JSON.stringify(told)}\n`);
}

function unit(variable, code, shown) {
    const value = opcua.makeEUInformation(code, shown, shown);
    variable.getPropertyByName("EngineeringUnits").setValueFromSource({ dataType: DataType.ExtensionObject, value });
}

function keep(name, variable, dataType, first) {
    nodes[name] = { variable, dataType };
    write(name, first);
    return variable;
}

function write(name, given) {
    const { variable, dataType } = nodes[name];
    const value = dataType === DataType.String ? String(given) : given;
    variable.setValueFromSource(new Variant({ dataType, value }), StatusCodes.Good, new Date());
}

function appear(space) {
    const robotics = space.getNamespace(ROBOTICS);
    const made = (type, browseName, parent, optionals) =>
        robotics.findObjectType(type).instantiate({ browseName, namespace: space.getOwnNamespace(), componentOf: parent, optionals });
    const child = (node, ...names) => names.reduce((node, name) => {
        const found = node.getComponentByName(name) || node.getPropertyByName(name) || node.getFolderElementByName(name);
        if (!found) throw new Error(`${name} is not below ${node.browseName}`);
        return found;
    }, node);
    const refers = (from, type, to) => from.addReference({ referenceType: robotics.findReferenceType(type), nodeId: to });
    const deviceSet = space.rootFolder.objects.getFolderElementByName("DeviceSet")
        || space.findNode(`ns=${space.getNamespaceIndex(DI)};i=5001`);
    const system = made("MotionDeviceSystemType", "Cell", deviceSet, []);
    const arm = made("MotionDeviceType", "Arm", child(system, "MotionDevices"), ["FlangeLoad", "AssetId"]);
    child(arm, "SerialNumber").setValueFromSource({ dataType: DataType.String, value: "SN-1" });
    if (assetId) {
        const asset = arm.getPropertyByName("AssetId") || space.getOwnNamespace().addVariable({
            browseName: "AssetId", propertyOf: arm, dataType: "String" });
        asset.setValueFromSource({ dataType: DataType.String, value: assetId });
    }
    for (const number of [1, 2]) {
        const axis = made("AxisType", `J${number}`, child(arm, "Axes"), ["ParameterSet.ActualSpeed"]);
        const train = made("PowerTrainType", `Train${number}`, child(arm, "PowerTrains"), []);
        const motor = made("MotorType", "Motor", train, []);
        const gear = made("GearType", "Gear", train, []);
        refers(axis, "Requires", train);
        refers(train, "Moves", axis);
        const position = keep(`Position${number}`, child(axis, "ParameterSet", "ActualPosition"), DataType.Double, 0);
        const speed = keep(`Speed${number}`, child(axis, "ParameterSet", "ActualSpeed"), DataType.Double, 0);
        const temp = keep(`Temp${number}`, child(motor, "ParameterSet", "MotorTemperature"), DataType.Double, 20);
        // The second one is linear.
        unit(position, number === 1 ? "DD" : "MMT", number === 1 ? "°" : "mm");
        unit(speed, number === 1 ? "E96" : "C16", number === 1 ? "°/s" : "mm/s");
        unit(temp, "KEL", "K");
        const ratio = space.constructExtensionObject(space.findDataType("RationalNumber"), { numerator: 101, denominator: 1 });
        child(gear, "GearRatio").setValueFromSource({ dataType: DataType.ExtensionObject, value: ratio });
    }
    const mass = keep("Payload", child(arm, "FlangeLoad", "Mass"), DataType.Double, 0);
    unit(mass, "KGM", "kg");
    const optionals = ["ParameterSet", "ParameterSet.TotalPowerOnTime"];
    const controller = made("ControllerType", "Controller", child(system, "Controllers"), optionals);
    refers(controller, "Controls", arm);
    keep("PowerOn", child(controller, "ParameterSet", "TotalPowerOnTime"), DataType.String, "PT0S");
    const task = made("TaskControlType", "Task", child(controller, "TaskControls"), []);
    keep("Count", child(task, "ParameterSet", "TaskProgramName"), DataType.String, "");
    const safety = made("SafetyStateType", "Safety", child(system, "SafetyStates"), []);
    keep("EStop", child(safety, "ParameterSet", "EmergencyStop"), DataType.Boolean, false);
    keep("Guard", child(safety, "ParameterSet", "ProtectiveStop"), DataType.Boolean, false);
    keep("Mode", child(safety, "ParameterSet", "OperationalMode"), DataType.Int32, 0);
}

async function does(command) {
    if (command.do === "write") {
        write(command.node, command.value);
    } else {
        for (let value = command.from; value <= command.to; value++) {
            write(command.node, value);
            await new Promise((done) => setTimeout(done, command.every_ms));
        }
    }
    return { done: command.do };
}

async function main() {
    const files = ["Di", "IA", "Machinery", "Robotics"].map((name) => path.join(nodesets, `Opc.Ua.${name}.NodeSet2.xml`));
    const server = new opcua.OPCUAServer({
        port: Number(port),
        hostname: "127.0.0.1",
        resourcePath: "/arm",
        nodeset_filename: [opcua.nodesets.standard, ...files],
        serverCertificateManager: new opcua.OPCUACertificateManager({ rootFolder: path.join(own, "pki") }),
        userCertificateManager: new opcua.OPCUACertificateManager({ rootFolder: path.join(own, "users") }),
        securityModes: [opcua.MessageSecurityMode.None],
        securityPolicies: [opcua.SecurityPolicy.None],
    });
    await server.initialize();
    server.engine.addressSpace.registerNamespace(MAKER);
    appear(server.engine.addressSpace);
    for (const { variable } of history ? Object.values(nodes) : []) {
        server.engine.addressSpace.installHistoricalDataNode(variable, { maxOnlineValues: 10000 });
    }
    await server.start();
    answer({ port: Number(port) });
    for await (const line of readline.createInterface({ input: process.stdin })) {
        answer(await does(JSON.parse(line)).catch((error) => ({ error: String(error) })));
    }
    await server.shutdown();
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
