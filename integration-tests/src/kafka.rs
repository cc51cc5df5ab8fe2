//! Brokers of the real Apache Kafka: started on free ports in temporary folders, killed, paused, started again.
//!
//! Its jars are in the folder that `TACHO_KAFKA_LIBS` names; `./test` fetches them and sets it.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tempfile::TempDir;

use crate::port::free_port;
use crate::wait::until_some;

/// Longest time until a broker takes connections, on a machine with more to do than it can; after `kill -9` the dead
/// incarnation must time out first.
const START: Duration = Duration::from_secs(180);
/// Longest time for an answer of a broker that runs.
const ANSWER: Duration = Duration::from_secs(10);
/// What the broker logs when it takes connections.
const STARTED: &str = "Kafka Server started";

/// A broker with a folder of its own, running or not.
#[derive(Debug)]
pub struct Broker {
    folder: TempDir,
    /// Its place among the nodes.
    number: usize,
    /// All brokers of the cluster, itself among them.
    nodes: Vec<Node>,
    process: Option<Child>,
}

/// Where a broker listens.
#[derive(Debug, Clone, Copy)]
struct Node {
    port: u16,
    controller: u16,
    /// For clients with a name and a password, over TLS.
    secured: Option<u16>,
}

/// The client that a secured broker knows.
const USER: (&str, &str) = ("tacho", "a-password-of-tests");

/// What can be asked of a broker's topics.
#[derive(Debug, Clone, Copy)]
pub enum Administration<'a> {
    /// Delete it with all its records.
    Delete {
        /// The topic.
        topic: &'a str,
    },
    /// Make it.
    Make {
        /// The topic.
        topic: &'a str,
        /// Partitions.
        partitions: i32,
    },
    /// Give it more partitions.
    AddPartitions {
        /// The topic.
        topic: &'a str,
        /// Partitions that it has then.
        partitions: usize,
    },
    /// Take messages up to this size; what else was set of it is as the broker has it by default.
    Limit {
        /// The topic.
        topic: &'a str,
        /// Most bytes of a batch.
        bytes: usize,
    },
    /// Delete all records of one partition, as retention does.
    Empty {
        /// The topic.
        topic: &'a str,
        /// The partition.
        partition: i32,
    },
}

/// The folder of Kafka's jars; `None`, with a message, where there is none.
pub fn jars() -> Option<PathBuf> {
    let folder = std::env::var_os("TACHO_KAFKA_LIBS").map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        eprintln!("skipped: TACHO_KAFKA_LIBS names no folder of Kafka's jars; ./test fetches them");
    }
    folder
}

impl Broker {
    /// A broker that runs alone and has no topic; `None`, with a message, where Kafka is not there.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn started() -> anyhow::Result<Option<Self>> {
        Ok(Self::started_together(1)?.and_then(|mut brokers| brokers.pop()))
    }

    /// A broker whose clients come over TLS with a name and a password (SCRAM); what tests ask of it themselves goes in the
    /// clear. `None`, with a message, where Kafka is not there.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn started_secured() -> anyhow::Result<Option<Self>> {
        let node = Node { port: free_port()?, controller: free_port()?, secured: Some(free_port()?) };
        Ok(Self::started_as(&[node])?.and_then(|mut brokers| brokers.pop()))
    }

    /// Brokers of one cluster, which keep a copy of every topic each; `None`, with a message, where Kafka is not there.
    ///
    /// # Errors
    /// If one does not come up.
    pub fn started_together(number: usize) -> anyhow::Result<Option<Vec<Self>>> {
        let node = || anyhow::Ok(Node { port: free_port()?, controller: free_port()?, secured: None });
        Self::started_as(&(0..number).map(|_| node()).collect::<anyhow::Result<Vec<_>>>()?)
    }

    fn started_as(nodes: &[Node]) -> anyhow::Result<Option<Vec<Self>>> {
        let Some(jars) = jars() else { return Ok(None) };
        let cluster = cluster_id();
        let mut brokers = Vec::with_capacity(nodes.len());
        for number in 0..nodes.len() {
            let folder = tempfile::tempdir().context("temporary folder")?;
            let mut broker = Self { folder, number, nodes: nodes.to_vec(), process: None };
            broker.format(&jars, &cluster)?;
            broker.spawn()?;
            brokers.push(broker);
        }
        brokers.iter_mut().try_for_each(Self::wait_until_up)?;
        Ok(Some(brokers))
    }

    fn format(&self, jars: &std::path::Path, cluster: &str) -> anyhow::Result<()> {
        std::fs::write(self.path("server.properties"), self.properties())?;
        std::fs::write(self.path("log4j2.xml"), LOGGING)?;
        let mut format = self.java(jars, &["-Xmx64m", "-XX:TieredStopAtLevel=1"]);
        format.args(["kafka.tools.StorageTool", "format", "-t", cluster, "-c"]).arg(self.path("server.properties"));
        if self.nodes[self.number].secured.is_some() {
            let (name, password) = USER;
            format.args(["--add-scram", &format!("SCRAM-SHA-512=[name={name},password={password}]")]);
            std::fs::write(self.path("password"), password)?;
            self.make_certificate()?;
        }
        let formatted = format.output().context("java")?;
        ensure!(formatted.status.success(), "format: {}", String::from_utf8_lossy(&formatted.stderr));
        Ok(())
    }

    /// A key with a certificate of its own, by the tool that comes with Java.
    fn make_certificate(&self) -> anyhow::Result<()> {
        let store = |command: &str| {
            let mut keytool = Command::new("keytool");
            keytool.args([command, "-keystore"]).arg(self.path("broker.p12")).args(["-storepass", STORE_PASSWORD]);
            keytool.args(["-alias", "broker"]).stdin(Stdio::null());
            keytool
        };
        let mut make = store("-genkeypair");
        make.args(["-storetype", "PKCS12", "-keyalg", "EC", "-dname", "CN=broker of tests", "-validity", "2"]);
        let mut export = store("-exportcert");
        export.arg("-rfc").arg("-file").arg(self.path("broker.pem"));
        for command in [make.args(["-ext", "SAN=ip:127.0.0.1"]), &mut export] {
            let done = command.output().context("keytool")?;
            ensure!(done.status.success(), "keytool: {}", String::from_utf8_lossy(&done.stdout));
        }
        Ok(())
    }

    /// Of the listener for clients over TLS, if there is one: its address and its properties.
    fn secured(&self) -> (String, String) {
        let Some(port) = self.nodes[self.number].secured else { return (String::new(), String::new()) };
        let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
        let properties = format!(
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL\n\
             sasl.enabled.mechanisms=SCRAM-SHA-512\nlistener.name.secured.scram-sha-512.sasl.jaas.config={scram}\n\
             ssl.keystore.type=PKCS12\nssl.keystore.location={}\nssl.keystore.password={STORE_PASSWORD}\n",
            self.path("broker.p12").display()
        );
        (format!(",SECURED://127.0.0.1:{port}"), properties)
    }

    fn properties(&self) -> String {
        let (Node { port, controller, .. }, data) = (self.nodes[self.number], self.path("data"));
        let (listener, of_listener) = self.secured();
        let (node, copies, in_sync) = (self.number + 1, self.nodes.len(), self.nodes.len().div_ceil(2));
        let voter = |(number, node): (usize, &Node)| format!("{}@127.0.0.1:{}", number + 1, node.controller);
        let voters = self.nodes.iter().enumerate().map(voter).collect::<Vec<_>>().join(",");
        format!(
            "process.roles=broker,controller\nnode.id={node}\ncontroller.quorum.voters={voters}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{listener}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}{listener}\ncontroller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAINTEXT\nlog.dirs={}\n\
             offsets.topic.replication.factor={copies}\noffsets.topic.num.partitions=4\n\
             transaction.state.log.replication.factor={copies}\ntransaction.state.log.min.isr={in_sync}\n\
             transaction.state.log.num.partitions=4\nshare.coordinator.state.topic.replication.factor={copies}\n\
             share.coordinator.state.topic.min.isr={in_sync}\ngroup.initial.rebalance.delay.ms=0\n\
             group.min.session.timeout.ms=1000\nbroker.session.timeout.ms=2000\nbroker.heartbeat.interval.ms=500\n\
             replica.lag.time.max.ms=4000\n{of_listener}",
            data.display()
        )
    }

    /// A file of the broker's folder: `password`, `broker.pem`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn java(&self, jars: &std::path::Path, options: &[&str]) -> Command {
        let mut command = Command::new("java");
        command.args(options).arg("-cp").arg(jars.join("*")).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Starts the process and waits until it takes connections.
    ///
    /// # Errors
    /// If it ends instead; the error has what it logged.
    pub fn start(&mut self) -> anyhow::Result<()> {
        self.spawn()?;
        self.wait_until_up()
    }

    fn spawn(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "the broker runs already");
        let jars = jars().context("Kafka's jars")?;
        let log = File::create(self.path("broker.log")).context("log file")?;
        let mut command = self.java(&jars, &["-Xms64m", "-Xmx320m", "-XX:+UseSerialGC"]);
        // The option stands before the class and its argument.
        command.env("JAVA_TOOL_OPTIONS", format!("-Dlog4j2.configurationFile={}", self.path("log4j2.xml").display()));
        command.arg("kafka.Kafka").arg(self.path("server.properties"));
        command.stdout(log.try_clone().context("log file")?).stderr(log);
        self.process = Some(command.spawn().context("java")?);
        Ok(())
    }

    fn wait_until_up(&mut self) -> anyhow::Result<()> {
        let up = until_some("Kafka's broker", START, || {
            if let Some(Ok(Some(status))) = self.process.as_mut().map(Child::try_wait) {
                return Some(Err(status));
            }
            self.logged().contains(STARTED).then_some(Ok(()))
        });
        if let Err(status) = up {
            self.process = None;
            anyhow::bail!("the broker ended with {status}; it logged:\n{}", self.logged());
        }
        Ok(())
    }

    /// Where clients find it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.nodes[self.number].port)
    }

    /// What it logged since its last start.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.path("broker.log")).unwrap_or_default()
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// If it does not run.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut process = self.process.take().context("the broker does not run")?;
        process.kill().context("kill")?;
        process.wait().context("wait")?;
        Ok(())
    }

    /// Sends a signal by its name: a broker that is stopped (`STOP`) takes connections and does not answer, as behind a
    /// network that swallows all; `CONT` brings it back.
    ///
    /// # Errors
    /// If it does not run.
    pub fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let process = self.process.as_ref().context("the broker does not run")?;
        let sent = Command::new("kill").args([&format!("-{signal}"), &process.id().to_string()]).status();
        ensure!(sent.context("kill")?.success(), "kill -{signal} failed");
        Ok(())
    }

    /// Asks the broker something of its topics, and waits for the answer.
    ///
    /// # Errors
    /// If it refuses.
    pub fn administer(&self, what: &Administration<'_>) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", self.address()).create().context("admin client")?;
        let options = AdminOptions::new().operation_timeout(Some(START));
        let runtime = tokio::runtime::Builder::new_current_thread().build().context("runtime")?;
        let answers = runtime.block_on(async {
            match *what {
                Administration::Empty { topic, partition } => {
                    let mut all = TopicPartitionList::new();
                    all.add_partition_offset(topic, partition, Offset::End)?;
                    let emptied = admin.delete_records(&all, &options).await?;
                    emptied.elements().iter().try_for_each(TopicPartitionListElem::error)?;
                    Ok(Vec::new())
                }
                Administration::Limit { topic, bytes } => {
                    let bytes = bytes.to_string();
                    let limit = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", &bytes);
                    let answers = admin.alter_configs([&limit], &options).await?;
                    Ok(answers
                        .into_iter()
                        .map(|answer| answer.map(|_| String::new()).map_err(|(_, code)| (topic.to_owned(), code)))
                        .collect())
                }
                Administration::Delete { topic } => admin.delete_topics(&[topic], &options).await,
                Administration::Make { topic, partitions } => {
                    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
                    admin.create_topics([&new.set("max.message.bytes", "4000000")], &options).await
                }
                Administration::AddPartitions { topic, partitions } => {
                    admin.create_partitions([&NewPartitions::new(topic, partitions)], &options).await
                }
            }
        });
        for answer in answers.context("admin")? {
            answer.map_err(|(topic, code)| anyhow::anyhow!("{topic}: {code}"))?;
        }
        Ok(())
    }

    /// Whether every partition of a topic has all its copies in step.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub fn copies_in_step(&self, topic: &str) -> anyhow::Result<bool> {
        let client: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", self.address()).create().context("client")?;
        let metadata = client.fetch_metadata(Some(topic), ANSWER).context("metadata")?;
        let found = metadata.topics().first().context("no such topic")?;
        Ok(found.partitions().iter().all(|partition| partition.isr().len() == self.nodes.len()))
    }

    /// What `kcat` reads of a topic, from its beginning to its end, a line a record, in this format.
    ///
    /// # Errors
    /// If it does not end with success.
    pub fn kcat(&self, topic: &str, format: &str) -> anyhow::Result<Vec<String>> {
        let output = Command::new("kcat")
            .args(["-b", &self.address(), "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", format])
            .stdin(Stdio::null())
            .output()
            .context("kcat")?;
        ensure!(output.status.success(), "kcat: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// Lines of `[log]` for a configuration of this program.
    pub fn log_settings(&self, partitions: u32) -> String {
        let address = |node: &Node| format!("127.0.0.1:{}", node.secured.unwrap_or(node.port));
        let brokers: Vec<_> = self.nodes.iter().map(address).collect();
        let copies = self.nodes.len();
        let security = match self.nodes[self.number].secured {
            None => String::new(),
            Some(_) => format!(
                "\"security.protocol\" = \"SASL_SSL\"\n\"sasl.mechanism\" = \"SCRAM-SHA-512\"\n\
                 \"sasl.username\" = \"{}\"\n\"ssl.ca.location\" = {:?}\n\
                 [log.kafka.secret_files]\n\"sasl.password\" = {:?}\n",
                USER.0,
                self.path("broker.pem"),
                self.path("password")
            ),
        };
        format!(
            "[log]\nkind = \"kafka\"\n[log.kafka]\nbrokers = {brokers:?}\npartitions = {partitions}\nreplication = {copies}\n\
             [log.kafka.librdkafka]\n\"session.timeout.ms\" = 3000\n{security}"
        )
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _killed = process.kill();
            let _waited = process.wait();
        }
    }
}

/// Of the file with the broker's key, which lives as long as the broker.
const STORE_PASSWORD: &str = "changeit";
/// Only what the broker says of itself, on standard output.
const LOGGING: &str = r#"<Configuration><Appenders><Console name="out"><PatternLayout pattern="%d %p %m%n"/></Console>
</Appenders><Loggers><Root level="info"><AppenderRef ref="out"/></Root></Loggers></Configuration>"#;

/// 16 random bytes, written as Kafka writes them: hexadecimal digits are base64, too.
fn cluster_id() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:05x}A", random(), random() & 0xf_ffff)
}
