// N callers append one event after another, each to its own stream, each waiting for its acknowledgement.
// The database comes from the PG* variables. Prints one JSON object; latencies in microseconds.
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';

const WARM_UP_SHARE = 0.2;
const command = process.argv[2];
const callers = Number(process.argv[3]);
const seconds = Number(process.argv[4]);
const data = JSON.parse(process.env.BENCHMARK_EVENT ?? '{}');

const eventStore = getPostgreSQLEventStore(connectionString(), {
  schema: { autoMigration: command === 'prepare' ? 'CreateOrUpdate' : 'None' },
});

function connectionString() {
  const { PGUSER = '', PGPASSWORD = '', PGHOST = '', PGPORT = '5432', PGDATABASE = '' } = process.env;
  const url = new URL('postgresql://localhost');
  url.username = PGUSER;
  url.password = PGPASSWORD;
  url.port = PGPORT;
  url.pathname = `/${PGDATABASE}`;
  // A folder is a unix socket, which a URL can only name beside the host.
  if (PGHOST.startsWith('/')) url.searchParams.set('host', PGHOST);
  else url.hostname = PGHOST;
  return url.toString();
}

async function caller(stream, until, latencies) {
  let now = performance.now();
  while (now < until) {
    await eventStore.appendToStream(stream, [{ type: 'UserMessageReceived', data }]);
    const then = now;
    now = performance.now();
    latencies.push(Math.round((now - then) * 1000));
  }
}

async function run(forSeconds) {
  const latencies = [];
  const start = performance.now();
  const until = start + forSeconds * 1000;
  await Promise.all(Array.from({ length: callers }, (_, n) => caller(`conversation-${n}`, until, latencies)));
  return { seconds: (performance.now() - start) / 1000, latencies_us: latencies };
}

if (command === 'prepare') {
  await eventStore.schema.migrate();
} else {
  await run(seconds * WARM_UP_SHARE);
  console.log(JSON.stringify(await run(seconds)));
}
await eventStore.close();
