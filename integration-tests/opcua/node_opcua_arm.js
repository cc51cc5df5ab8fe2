// The simulated arm of asyncua_arm.py behind node-opcua: another server that nobody here wrote, with the same nodes.
//
// It takes the commands `write`, `count`, `bad`, `delete` and `add` of asyncua_arm.py. Arguments: port, folder of its own
// for certificates, then options: --security, --user NAME:PASSWORD, --clock-off SECONDS, --units, --more N (further nodes
// More0 to MoreN, written by the command {"do": "more", "value": X}), --items-per-call N.

"use strict";
const path = require("path");
const readline = require("readline");
const { parseArgs } = require("util");

// Standard output has answers and nothing else.
console.log = console.error;
const opcua = require("node-opcua");

const { DataType, MessageSecurityMode, SecurityPolicy, StatusCodes, Variant } = opcua;
const NAMESPACE = "http://tachograph.example/arm";
const NODES = {
    PowerOn: [100.0, "hours", "HUR"],
    Speed: [0.0, "°/s", "E96"],
    Torque: [0.0, "N·m", "NU"],
    Temp: [40.0, "°C", "CEL"],
    EStop: [false],
    Count: [0.0],
};
const { values: options, positionals: [port, own] } = parseArgs({
    allowPositionals: true,
    options: {
        security: { type: "boolean" },
        user: { type: "string" },
        "clock-off": { type: "string", default: "0" },
        units: { type: "boolean" },
        more: { type: "string", default: "0" },
        "items-per-call": { type: "string", default: "0" },
    },
});
const more = Number(options.more);
const nodes = {};
// Its own least is 50 ms.
opcua.MonitoredItem.minimumSamplingInterval = 10;

function answer(told) {
    process.stdout.write(`${JSON.stringify(told)}\n`);
}

function write(name, value, status = StatusCodes.Good) {
    const dataType = typeof value === "boolean" ? DataType.Boolean : DataType.Double;
    const time = new Date(Date.now() + 1000 * Number(options["clock-off"]));
    nodes[name].setValueFromSource(new Variant({ dataType, value }), status, time);
}

function add(space, name, organizedBy = space.rootFolder.objects) {
    const namespace = space.getNamespace(NAMESPACE);
    const [first, shown, code] = NODES[name] || [0.0];
    const dataType = typeof first === "boolean" ? "Boolean" : "Double";
    const named = { nodeId: `s=${name}`, browseName: name, organizedBy, dataType, minimumSamplingInterval: 10 };
    if (options.units && shown) {
        const engineeringUnits = opcua.makeEUInformation(code, shown, shown);
        const engineeringUnitsRange = { low: -1e9, high: 1e9 };
        nodes[name] = namespace.addAnalogDataItem({ ...named, engineeringUnits, engineeringUnitsRange });
    } else {
        nodes[name] = namespace.addVariable(named);
    }
    write(name, first);
}

// In folders, because each addition looks at all nodes beside it.
function addMore(space) {
    let folder;
    for (let number = 0; number < more; number++) {
        if (number % 100 === 0) {
            folder = space.getNamespace(NAMESPACE).addFolder(space.rootFolder.objects, { browseName: `More${number}` });
        }
        add(space, `More${number}`, folder);
    }
}

async function does(space, command) {
    switch (command.do) {
        case "write":
            write(command.node, command.value);
            break;
        case "bad":
            write(command.node, 0.0, StatusCodes.BadSensorFailure);
            break;
        case "count":
            for (let value = command.from; value <= command.to; value++) {
                write(command.node, value);
                await new Promise((done) => setTimeout(done, command.every_ms));
            }
            break;
        case "more":
            for (let number = 0; number < more; number++) write(`More${number}`, command.value);
            break;
        case "delete":
            space.deleteNode(nodes[command.node]);
            break;
        case "add":
            add(space, command.node);
            break;
        default:
            throw new Error(`it cannot ${command.do}`);
    }
    return { done: command.do };
}

async function main() {
    const secured = options.security ? [[MessageSecurityMode.SignAndEncrypt], [SecurityPolicy.Basic256Sha256]] : [[], []];
    const certificates = (folder) => new opcua.OPCUACertificateManager({
        rootFolder: path.join(own, folder),
        automaticallyAcceptUnknownCertificate: true,
    });
    const server = new opcua.OPCUAServer({
        port: Number(port),
        hostname: "127.0.0.1",
        resourcePath: "/arm",
        nodeset_filename: [opcua.nodesets.standard],
        serverCertificateManager: certificates("pki"),
        userCertificateManager: certificates("users"),
        securityModes: [MessageSecurityMode.None, ...secured[0]],
        securityPolicies: [SecurityPolicy.None, ...secured[1]],
        allowAnonymous: !options.user,
        userManager: { isValidUser: (name, password) => `${name}:${password}` === options.user },
        serverCapabilities: {
            maxMonitoredItems: 100000,
            maxMonitoredItemsPerSubscription: 100000,
            operationLimits: { maxMonitoredItemsPerCall: Number(options["items-per-call"]) },
        },
    });
    await server.initialize();
    const space = server.engine.addressSpace;
    space.registerNamespace(NAMESPACE);
    Object.keys(NODES).forEach((name) => add(space, name));
    addMore(space);
    await server.start();
    answer({ port: Number(port) });
    for await (const line of readline.createInterface({ input: process.stdin })) {
        answer(await does(space, JSON.parse(line)).catch((error) => ({ error: String(error) })));
    }
    await server.shutdown();
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
