--@test: a delimited line is taken apart by its delimiter and quotes, an empty field is null
CREATE STREAM raw (line STRING) WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='KAFKA', PARTITIONS=1);
CREATE STREAM typed (n INT, s STRING, d DOUBLE, x DECIMAL(6, 2))
  WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='DELIMITED', VALUE_DELIMITER=';');
CREATE STREAM seen AS SELECT * FROM typed;
INSERT INTO raw VALUES ('1;a,b;1.5;2.50');
INSERT INTO raw VALUES ('"2";"say ""hi"";";1.0E10;"3"');
INSERT INTO raw VALUES (';;;');
INSERT INTO raw VALUES ('+4;x;.5;1e1');
ASSERT VALUES seen (n, s, d, x) VALUES (1, 'a,b', 1.5, 2.50);
ASSERT VALUES seen (n, s, d, x) VALUES (2, 'say "hi";', 1E10, 3.00);
ASSERT VALUES seen (n, s, d, x) VALUES (NULL, NULL, NULL, NULL);
ASSERT VALUES seen (n, s, d, x) VALUES (4, 'x', 0.5, 10.00);

--@test: a line of other fields is skipped, its neighbours are untouched
CREATE STREAM raw (line STRING) WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='KAFKA', PARTITIONS=1);
CREATE STREAM typed (n INT, x DECIMAL(4, 2)) WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='DELIMITED');
CREATE STREAM seen AS SELECT n, x FROM typed;
INSERT INTO raw VALUES ('1,1.5');
INSERT INTO raw VALUES ('2');
INSERT INTO raw VALUES ('3,1,2');
INSERT INTO raw VALUES ('four,1');
INSERT INTO raw VALUES ('5,1.234');
INSERT INTO raw VALUES ('6,"1');
INSERT INTO raw VALUES ('7,"1"0');
INSERT INTO raw VALUES ('');
INSERT INTO raw VALUES ('9,0.01');
ASSERT VALUES seen (n, x) VALUES (1, 1.50);
ASSERT VALUES seen (n, x) VALUES (9, 0.01);

--@test: fields are quoted where a reader could misread them, the first one of a line most of all
CREATE STREAM typed (a STRING, b STRING, n INT) WITH (KAFKA_TOPIC='typed', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM lines WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='DELIMITED') AS SELECT * FROM typed;
CREATE STREAM raw (line STRING) WITH (KAFKA_TOPIC='lines', VALUE_FORMAT='KAFKA');
CREATE STREAM seen AS SELECT line FROM raw;
INSERT INTO typed VALUES ('a', 'b', 1);
INSERT INTO typed VALUES ('-a', '-b', -1);
INSERT INTO typed VALUES ('', '', NULL);
INSERT INTO typed VALUES ('a,', '"', 0);
INSERT INTO typed VALUES (NULL, '#', 2);
ASSERT VALUES seen (line) VALUES ('a,b,1');
ASSERT VALUES seen (line) VALUES ('"-a",-b,-1');
ASSERT VALUES seen (line) VALUES ('"",,');
ASSERT VALUES seen (line) VALUES ('"a,","""",0');
ASSERT VALUES seen (line) VALUES (',"#",2');

--@test: a delimited line has no arrays
--@expected.error: io.confluent.ksql.util.KsqlStatementException
--@expected.message: The 'DELIMITED' format does not support type 'ARRAY', column: `L`
CREATE STREAM lists (l ARRAY<INT>) WITH (KAFKA_TOPIC='lists', VALUE_FORMAT='DELIMITED');

--@test: a delimited value is not wrapped
--@expected.error: io.confluent.ksql.util.KsqlStatementException
--@expected.message: Format 'DELIMITED' does not support 'WRAP_SINGLE_VALUE' set to 'true'.
CREATE STREAM numbers (n INT)
  WITH (KAFKA_TOPIC='numbers', VALUE_FORMAT='DELIMITED', WRAP_SINGLE_VALUE=true);
