// The deliveryWorker that the pipeline replaces, as a good Node engineer would write it: Kinesis
// records of DynamoDB changes to one Avro object for each type and date.

import { unmarshall } from "@aws-sdk/util-dynamodb";
import avro from "avsc";

const DAY = 86_400_000;
const EMPTY = Buffer.alloc(0);

/**
 * Returns the handler.
 *
 * tables: for each type {avro, fields}: the table's Avro schema with the envelope, and the type's
 * own fields as its schema file has them. put: (key, Buffer) => Promise, the bucket.
 */
export function makeHandler(tables, put) {
  const kinds = new Map(
    Object.entries(tables).map(([name, table]) => [
      name,
      {
        schema: table.avro,
        type: avro.Type.forSchema(table.avro),
        fill: recordFiller(table.fields),
      },
    ]),
  );
  let objects = 0;

  return async function handler(event) {
    const groups = new Map();
    for (const { kinesis } of event.Records) {
      const change = JSON.parse(Buffer.from(kinesis.data, "base64").toString("utf8"));
      const { dynamodb } = change;
      const image = change.eventName === "REMOVE" ? dynamodb.OldImage : dynamodb.NewImage;
      const type = image?.type?.S;
      const kind = kinds.get(type);
      if (kind === undefined) continue;
      const row = toRow(change, unmarshall(image), kinesis.sequenceNumber, kind.fill);
      const day = Math.floor(row.changed_at / DAY);
      const name = `${type}/${day}`;
      let group = groups.get(name);
      if (group === undefined) groups.set(name, (group = { type, day, kind, rows: [] }));
      group.rows.push(row);
    }
    await Promise.all(
      [...groups.values()].map(async ({ type, day, kind, rows }) => {
        const date = new Date(day * DAY).toISOString().slice(0, 10);
        const key = `data-pipeline/avro/${type}/partition_date=${date}/${++objects}.avro`;
        await put(key, await encode(kind, rows));
      }),
    );
    return { batchItemFailures: [] };
  };
}

function toRow(change, item, sequenceNumber, fill) {
  const { dynamodb, eventName } = change;
  const created = dynamodb.ApproximateCreationDateTime;
  const micros =
    dynamodb.ApproximateCreationDateTimePrecision === "MICROSECOND" ? created : created * 1000;
  const removed = eventName === "REMOVE";
  const row = {
    change_id: change.eventID,
    change_type: eventName,
    changed_at: Math.floor(micros / 1000),
    changed_at_micros: micros,
    is_deleted: removed,
    is_expired: removed && change.userIdentity?.principalId === "dynamodb.amazonaws.com",
    record_key: recordKey(unmarshall(dynamodb.Keys)),
    table_name: change.tableName,
    sequence_number: sequenceNumber,
    rescued_attributes: null,
    revision: 0,
  };
  fill(row, item);
  return row;
}

function recordKey(keys) {
  const sorted = {};
  for (const name of Object.keys(keys).sort()) sorted[name] = keys[name];
  return JSON.stringify(sorted);
}

function encode({ schema, type }, rows) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    // From the schema, so that the file's header keeps the logical types; parsed only once.
    const encoder = new avro.streams.BlockEncoder(schema, {
      codec: "deflate",
      parseHook: () => type,
    });
    encoder.on("data", (chunk) => chunks.push(chunk));
    encoder.on("end", () => resolve(Buffer.concat(chunks)));
    encoder.on("error", reject);
    for (const row of rows) encoder.write(row);
    encoder.end();
  });
}

// From here on: an unmarshalled value to what avsc writes, one converter a field, made once.

function recordFiller(fields) {
  const converters = fields.map((field) => ({
    name: field.name,
    attribute: field.attribute ?? field.name,
    convert: converter(field.type, field.epoch),
    missing: field.default,
  }));
  return (row, item) => {
    for (const { name, attribute, convert, missing } of converters) {
      const value = item[attribute];
      row[name] = value === undefined ? missing : value === null ? null : convert(value);
    }
  };
}

function converter(type, epoch) {
  if (Array.isArray(type)) return converter(type[1], epoch);
  if (typeof type === "string") {
    return type === "bytes" ? (text) => Buffer.from(text, "base64") : (value) => value;
  }
  switch (type.logicalType) {
    case "decimal":
      return (number) => decimal(number, type.scale);
    case "date":
      return (text) => Date.parse(text) / DAY;
    case "timestamp-millis":
      return time(epoch);
  }
  switch (type.type) {
    case "array": {
      const convert = converter(type.items, epoch);
      return (values) => Array.from(values, convert);
    }
    case "map": {
      const convert = converter(type.values, epoch);
      return (values) => {
        const map = {};
        for (const name of Object.keys(values)) map[name] = convert(values[name]);
        return map;
      };
    }
    case "record": {
      const fill = recordFiller(type.fields);
      return (values) => {
        const record = {};
        fill(record, values);
        return record;
      };
    }
    default:
      return (value) => value;
  }
}

function time(epoch) {
  switch (epoch) {
    case "seconds":
      return (number) => number * 1000;
    case "milliseconds":
      return (number) => number;
    case "microseconds":
      return (number) => Math.floor(number / 1000);
    default:
      return (text) => Date.parse(text);
  }
}

// Numbers were doubles by the time they come here (unmarshall's default), so a decimal is as exact
// as a double. What fits 48 bits, which is all money, is written without BigInt.
function decimal(number, scale) {
  const scaled = Math.round(number * 10 ** scale);
  if (Math.abs(scaled) < 2 ** 47) {
    let size = 1;
    while (size < 6 && (scaled >= 2 ** (8 * size - 1) || scaled < -(2 ** (8 * size - 1)))) size++;
    const bytes = Buffer.allocUnsafe(size);
    bytes.writeIntBE(scaled, 0, size);
    return bytes;
  }
  return bigBytes(BigInt(number.toFixed(scale).replace(".", "")));
}

function bigBytes(value) {
  if (value === 0n) return EMPTY;
  let size = 1;
  while (BigInt.asIntN(8 * size, value) !== value) size++;
  const hex = BigInt.asUintN(8 * size, value).toString(16).padStart(2 * size, "0");
  return Buffer.from(hex, "hex");
}
