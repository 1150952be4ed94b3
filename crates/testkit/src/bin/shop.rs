//! A believable database to move: a shop with a million rows in five related
//! tables, and a writer that goes on selling while it is moved.
//!
//! Speaks through the server's own command-line client, so that it shares no code
//! with what it is used to test. Rows are made in the server, from numbers alone:
//! the same call makes the same rows.

#![allow(clippy::print_stdout, reason = "a command line answers on standard output")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

const HELP: &str = "shop: a believable database to move

  shop load  --url mysql://USER:PASSWORD@HOST:PORT [--rows N]   makes database `shop` (1,000,000 rows)
  shop write --url … --stop-file FILE [--rate N]                sells on until FILE is there, at most N
                                                                transactions a second; prints what it did

  --client PATH   the server's command-line client (mysql)
";

/// Tables in an order that foreign keys allow, and their share of all rows in thousandths.
const SHARES: [(&str, u64); 5] = [
    ("customers", 100),
    ("products", 20),
    ("orders", 250),
    ("order_items", 480),
    ("payments", 150),
];
/// Rows a statement: a transaction of some megabytes, as loads in real life have.
const PIECE: u64 = 25_000;

const STRUCTURE: &str = "
DROP DATABASE IF EXISTS shop;
CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4;
USE shop;
CREATE TABLE customers (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(80) NOT NULL, email VARCHAR(120) NOT NULL, city VARCHAR(60) NOT NULL,
  born DATE NULL, balance DECIMAL(12,2) NOT NULL DEFAULT 0, wishes JSON NULL,
  created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  UNIQUE KEY by_email (email), KEY by_city (city, name));
CREATE TABLE products (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  sku CHAR(10) NOT NULL, title VARCHAR(120) NOT NULL, price DECIMAL(10,2) NOT NULL, stock INT NOT NULL,
  kind ENUM('book','garden','kitchen','music','toy') NOT NULL, weight DOUBLE NULL, picture VARBINARY(64) NULL,
  UNIQUE KEY by_sku (sku), KEY by_kind (kind, price));
CREATE TABLE orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id BIGINT UNSIGNED NOT NULL, state ENUM('new','paid','sent','done','returned') NOT NULL DEFAULT 'new',
  total DECIMAL(12,2) NOT NULL DEFAULT 0, note VARCHAR(200) NULL,
  placed_at DATETIME(6) NOT NULL, changed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  KEY by_customer (customer_id, placed_at), KEY by_state (state),
  CONSTRAINT order_customer FOREIGN KEY (customer_id) REFERENCES customers (id));
CREATE TABLE order_items (
  order_id BIGINT UNSIGNED NOT NULL, line SMALLINT UNSIGNED NOT NULL,
  product_id INT UNSIGNED NOT NULL, quantity INT NOT NULL, price DECIMAL(10,2) NOT NULL,
  PRIMARY KEY (order_id, line), KEY by_product (product_id),
  CONSTRAINT item_order FOREIGN KEY (order_id) REFERENCES orders (id),
  CONSTRAINT item_product FOREIGN KEY (product_id) REFERENCES products (id));
CREATE TABLE payments (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_id BIGINT UNSIGNED NOT NULL, amount DECIMAL(12,2) NOT NULL, method VARCHAR(16) NOT NULL,
  paid_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), answer JSON NULL,
  KEY by_order (order_id), KEY by_time (paid_at),
  CONSTRAINT payment_order FOREIGN KEY (order_id) REFERENCES orders (id));
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shop: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let (verb, options) = arguments.split_first().context(HELP)?;
    let option = |name: &str| {
        options
            .chunks(2)
            .find(|pair| pair.first().is_some_and(|have| have == name))
    };
    let value = |name: &str| option(name).and_then(|pair| pair.get(1)).map(String::as_str);
    let client = Client {
        program: PathBuf::from(value("--client").unwrap_or("mysql")),
        url: value("--url").context(HELP)?.to_owned(),
    };
    match verb.as_str() {
        "load" => load(&client, value("--rows").map_or(Ok(1_000_000), str::parse)?),
        "write" => {
            let stop = Path::new(value("--stop-file").context(HELP)?);
            write(&client, stop, value("--rate").map(str::parse).transpose()?)
        }
        other => bail!("no such command: {other}\n{HELP}"),
    }
}

struct Client {
    program: PathBuf,
    url: String,
}

impl Client {
    /// A client that reads statements and answers at once.
    fn start(&self) -> anyhow::Result<Child> {
        let parts = || {
            let (login, place) = self
                .url
                .split_once("://")?
                .1
                .trim_end_matches('/')
                .rsplit_once('@')?;
            Some((login.split_once(':')?, place.split_once(':')?))
        };
        let ((user, password), (host, port)) =
            parts().context("--url is not mysql://USER:PASSWORD@HOST:PORT")?;
        Command::new(&self.program)
            .args(["--no-defaults", "--batch", "--skip-column-names", "--unbuffered"])
            .args([
                "--default-character-set=utf8mb4",
                "--protocol=tcp",
                "--user",
                user,
                "--host",
                host,
                "--port",
                port,
            ])
            .env("MYSQL_PWD", password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.program.display()))
    }

    fn run(&self, statements: &str) -> anyhow::Result<()> {
        let mut child = self.start()?;
        let mut input = child.stdin.take().context("the client has no input")?;
        // A client that stops at an error closes its input; its exit code tells.
        let written = input.write_all(statements.as_bytes());
        drop(input);
        let status = child.wait_with_output()?.status;
        if !status.success() {
            bail!("the client ended with {status}");
        }
        Ok(written?)
    }
}

/// A number below `below` that depends on row and `salt` alone.
fn pick(salt: &str, below: u64) -> String {
    format!("(CRC32(CONCAT('{salt}', n)) % {below})")
}

fn one_of(salt: &str, texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("'{text}'")).collect();
    format!(
        "ELT(1 + {}, {})",
        pick(salt, texts.len() as u64),
        quoted.join(", ")
    )
}

/// What is selected for row `n` of a table; `count` gives the rows of another.
fn columns(table: &str, count: &dyn Fn(&str) -> u64) -> String {
    let money = |salt: &str, most: u64| format!("{} / 100", pick(salt, most * 100));
    let after = |salt: &str| format!("'2023-01-01' + INTERVAL {} SECOND", pick(salt, 94_000_000));
    match table {
        "customers" => {
            let first = one_of(
                "f",
                &[
                    "Anna",
                    "Björn",
                    "Chloé",
                    "Đorđe",
                    "Élise",
                    "Łukasz",
                    "Zoë",
                    "明美",
                    "Ольга",
                    "محمد",
                ],
            );
            let last = one_of(
                "l",
                &[
                    "Müller",
                    "O''Brien",
                    "García",
                    "Nguyễn",
                    "Kowalski",
                    "山田",
                    "Иванова",
                    "Øster",
                    "Smith",
                ],
            );
            let city = one_of(
                "c",
                &[
                    "Berlin",
                    "Paris",
                    "Kraków",
                    "東京",
                    "São Paulo",
                    "İzmir",
                    "Oslo",
                    "Quito",
                ],
            );
            format!(
                "n, CONCAT({first}, ' ', {last}), CONCAT('customer', n, '@example.org'), {city},
                 IF({none}, NULL, '1950-01-01' + INTERVAL {days} DAY), {balance},
                 IF({half}, NULL, JSON_OBJECT('likes', JSON_ARRAY({like}, '🎁'), 'letters', {letters} = 0, 'visits', n % 97)), {at}",
                none = pick("b", 7).as_str().to_owned() + " = 0",
                days = pick("d", 20_000),
                balance = money("m", 900),
                half = pick("w", 2),
                like = one_of("k", &["tea", "ski", "jazz", "chess"]),
                letters = pick("s", 3),
                at = after("t"),
            )
        }
        "products" => format!(
            "n, LPAD(n, 10, 'SKU0000000'), CONCAT({}, ' ', {}, ' №', n), 1 + {}, 1000000, 1 + {}, IF({}, NULL, {} / 7), UNHEX(SHA2(n, 256))",
            one_of("a", &["Blue", "Grüner", "Petit", "Great", "旧い"]),
            one_of("o", &["lamp", "Stuhl", "livre", "guitar", "皿", "bear 🧸"]),
            money("p", 250),
            pick("k", 5),
            pick("w", 4),
            pick("g", 9_000),
        ),
        "orders" => format!(
            "n, 1 + {}, 1 + {}, {}, IF({}, NULL, {}), {} + INTERVAL {} MICROSECOND, {}",
            pick("c", count("customers")),
            pick("s", 5),
            money("t", 800),
            pick("n", 3),
            one_of(
                "x",
                &[
                    "ring twice",
                    "merci beaucoup",
                    "für Oma \\\\ Opa",
                    "tab\\there",
                    "🎂 on Friday",
                    ""
                ]
            ),
            after("p"),
            pick("u", 1_000_000),
            after("h"),
        ),
        // Two lines an order until the orders are used up.
        "order_items" => format!(
            "1 + n DIV 2, 1 + n % 2, 1 + {}, 1 + {}, 1 + {}",
            pick("p", count("products")),
            pick("q", 5),
            money("m", 250),
        ),
        _ => format!(
            "n, 1 + {}, {}, {}, {} + INTERVAL {} MICROSECOND, IF({}, NULL, JSON_OBJECT('code', n % 3, 'bank', {}))",
            pick("o", count("orders")),
            money("a", 800),
            one_of("m", &["card", "transfer", "invoice", "voucher"]),
            after("p"),
            pick("u", 1_000_000),
            pick("j", 3),
            one_of("b", &["Nordbank", "Crédit Local", "みずうみ銀行"]),
        ),
    }
}

fn load(client: &Client, rows: u64) -> anyhow::Result<()> {
    let begun = Instant::now();
    let count = |table: &str| {
        let share = SHARES.iter().find(|(name, _)| *name == table);
        share.map_or(0, |(_, share)| rows * share / 1000)
    };
    client.run(STRUCTURE)?;
    // What refers to nothing that is still missing is made side by side.
    for tables in [
        &["customers", "products"][..],
        &["orders"],
        &["order_items", "payments"],
    ] {
        let mut statements = [String::new(), String::new()];
        for (place, (table, from)) in pieces(tables, &count).into_iter().enumerate() {
            let until = (from + PIECE).min(count(table) + 1);
            let columns = columns(table, &count);
            let [even, odd] = &mut statements;
            let text = if place.is_multiple_of(2) { even } else { odd };
            // Writing into a text cannot fail.
            let _ = writeln!(
                text,
                "INSERT INTO {table} WITH RECURSIVE numbers (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers \
                 WHERE n + 1 < {until}) SELECT {columns} FROM numbers;"
            );
        }
        std::thread::scope(|scope| {
            let session = format!(
                "USE shop; SET cte_max_recursion_depth = {PIECE}, foreign_key_checks = 0, time_zone = '+00:00';\n"
            );
            let running = statements.map(|text| {
                let text = format!("{session}{text}");
                scope.spawn(move || client.run(&text))
            });
            running
                .into_iter()
                .try_for_each(|one| one.join().unwrap_or_else(|_| bail!("a load panicked")))
        })?;
    }
    client.run("USE shop; ANALYZE TABLE customers, products, orders, order_items, payments;")?;
    let total: u64 = SHARES.iter().map(|(table, _)| count(table)).sum();
    println!(
        "{}",
        serde_json::json!({ "database": "shop", "rows": total, "seconds": begun.elapsed().as_secs_f32() })
    );
    Ok(())
}

/// First numbers of the pieces of these tables.
fn pieces<'a>(tables: &[&'a str], count: &dyn Fn(&str) -> u64) -> Vec<(&'a str, u64)> {
    let mut pieces = Vec::new();
    for table in tables {
        let mut from = 1;
        while from <= count(table) {
            pieces.push((*table, from));
            from += PIECE;
        }
    }
    pieces
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below.max(1)
    }
}

#[derive(Default)]
struct Done {
    transactions: u64,
    inserts: u64,
    updates: u64,
    deletes: u64,
}

/// One transaction at a time, each answered before the next is sent, so that what
/// is counted has been committed.
fn write(client: &Client, stop: &Path, rate: Option<f64>) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut child = client.start()?;
    let mut input = child.stdin.take().context("the client has no input")?;
    let mut answers = BufReader::new(child.stdout.take().context("the client has no output")?).lines();
    let mut ask = |text: &str| -> anyhow::Result<String> {
        input.write_all(text.as_bytes())?;
        input.flush()?;
        answers
            .next()
            .context("the client has ended")?
            .context("the client does not answer")
    };
    let sizes = "SELECT CONCAT_WS(' ', (SELECT MAX(id) FROM customers), (SELECT MAX(id) FROM products), (SELECT MAX(id) FROM orders))";
    let sizes = ask(&format!("USE shop; {sizes};\n"))?;
    let sizes: Vec<u64> = sizes.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [customers, products, orders] = sizes[..] else {
        bail!("the database `shop` is empty");
    };
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut done = Done::default();
    while !stop.exists() {
        let (customer, product, order) = (
            1 + numbers.below(customers),
            1 + numbers.below(products),
            1 + numbers.below(orders),
        );
        let text = transaction(&mut numbers, &mut done, customer, product, order);
        ask(&format!("BEGIN; {text} COMMIT; SELECT 'done';\n"))?;
        done.transactions += 1;
        if let Some(rate) = rate {
            let due = Duration::from_secs_f64(done.transactions as f64 / rate);
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
        }
    }
    drop(input);
    let status = child.wait()?;
    if !status.success() {
        bail!("the client ended with {status}");
    }
    println!(
        "{}",
        serde_json::json!({ "transactions": done.transactions, "inserts": done.inserts, "updates": done.updates,
            "deletes": done.deletes, "seconds": begun.elapsed().as_secs_f32() })
    );
    Ok(())
}

/// A sale in six of ten; else an order goes on, a customer changes, or an old order is deleted.
fn transaction(numbers: &mut Numbers, done: &mut Done, customer: u64, product: u64, order: u64) -> String {
    match numbers.below(10) {
        0..=5 => {
            let lines = 1 + numbers.below(4);
            let mut text = format!(
                "INSERT INTO orders (customer_id, total, note, placed_at) VALUES ({customer}, {lines} * 9.99, 'vielen Dank 🙂', NOW(6)); \
                 SET @o = LAST_INSERT_ID(); "
            );
            for line in 1..=lines {
                // Writing into a text cannot fail.
                let _ = write!(
                    text,
                    "INSERT INTO order_items VALUES (@o, {line}, {product}, {line}, 9.99); "
                );
            }
            text.push_str(&format!(
                "UPDATE products SET stock = stock - {lines} WHERE id = {product}; \
                 INSERT INTO payments (order_id, amount, method, answer) VALUES (@o, {lines} * 9.99, 'card', JSON_OBJECT('ok', TRUE)); \
                 UPDATE orders SET state = 'paid' WHERE id = @o;"
            ));
            done.inserts += 2 + lines;
            done.updates += 2;
            text
        }
        6 | 7 => {
            done.updates += 1;
            format!("UPDATE orders SET state = 'sent', note = CONCAT('sent ', NOW(6)) WHERE id = {order};")
        }
        8 => {
            done.updates += 1;
            format!(
                "UPDATE customers SET balance = balance - 1.25, wishes = JSON_OBJECT('seen', NOW(6), 'likes', JSON_ARRAY('köfte')) \
                 WHERE id = {customer};"
            )
        }
        _ => {
            done.deletes += 1;
            format!(
                "DELETE FROM payments WHERE order_id = {order}; DELETE FROM order_items WHERE order_id = {order}; \
                 DELETE FROM orders WHERE id = {order};"
            )
        }
    }
}
