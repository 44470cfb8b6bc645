"""Random commands that make sense often, and sometimes do not.

A template is a command with placeholders: K a key, F a field or member, V a value, I a small whole
number, T a time in seconds, R a short decimal, D a score, B an end of a range of scores, L an end
of a range of members, P a pattern.  Keys are few, so commands meet values of every type; all scores
of `lex` are equal, because ranges of members are undefined otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Container
from typing import Final

from anyredis.testing.fake_commands import GROUPS

KINDS: Final = {
    "K": ["a", "a", "a", "b", "b", "{c}", "none"],
    "F": ["f", "f", "g", "g", "h", "1", "é"],
    "V": ["x", "x", "x", "y", "y", "12", "-3", "3.5", "", "a b", "abcabc", "+1", " 1", "10e2"],
    "I": [
        "0",
        "1",
        "1",
        "2",
        "-1",
        "-1",
        "-2",
        "3",
        "100",
        "-100",
        "x",
        "1.5",
        "9223372036854775807",
    ],
    "N": ["1", "2", "3", "0", "-1", "x"],
    "R": ["1", "2.5", "-1", "0", "0.1", "1e2", "inf", "nan", "x"],
    "T": ["1000", "0", "-1", "x", "1.5", "9223372036854775807"],
    "D": ["1", "2.5", "-1", "0", "1e3", "3.0", "inf", "-inf", "0.1", "1e5", "nan", "x"],
    "B": ["-inf", "+inf", "1", "(1", "2.5", "(2.5", "0", "x", "(x"],
    "L": ["-", "+", "[f", "(f", "[g", "(h", "f", "["],
    "P": ["*", "a*", "?", "[a-b]", "[^a]", "\\a", "[", "a**", "[]", "[b-a]"],
}

WAIT: Final = "0.005"
"""Seconds: the timeout of blocking commands."""

TEMPLATES: Final = (
    """
SET K V|SET K V NX|SET K V XX GET|SET K V EX 1000|SET K V PX 500000 NX|SET K V KEEPTTL|SET K V GET
SET K V NX XX|SET K V EX T|SET K V EX 1000 PX 1000|SET K V NX GET|SET K V EXAT 99999999999|SET K V EX
SET K V PXAT 99999999999999
GET K|GET|GET K K|GETSET K V|GETDEL K|GETEX K|GETEX K EX 1000|GETEX K PERSIST|GETEX K PX 500000|GETEX K EX
MGET K K none|MSET K V K V|MSET K|MSET K V K|MSETNX K V K V|MSETNX K V none V|SETNX K V
SETEX K T V|SETEX K 1000 V|PSETEX K 500000 V|STRLEN K|APPEND K V|GETRANGE K I I|SUBSTR K I I
SETRANGE K N V|SETRANGE K 3 V|INCR K|DECR K|INCRBY K I|DECRBY K I|INCRBYFLOAT K R|INCRBYFLOAT K V
DEL K|DEL K K|UNLINK K K|EXISTS K K|TOUCH K K|TYPE K|RENAME K K|RENAMENX K K|COPY K K
COPY K K REPLACE|EXPIRE K 1000|EXPIRE K 1000 NX|EXPIREAT K 99999999998 GT|EXPIRE K 500 LT|EXPIRE K 1000 XX
EXPIRE K T|EXPIRE K 10 NX XX|EXPIRE K 10 GT LT|PEXPIRE K 500000|EXPIREAT K 99999999999|EXPIREAT K 1
PEXPIREAT K 99999999999999|PEXPIREAT K 1 GT|EXPIRETIME K|PEXPIRETIME K|TTL K|PTTL K|PERSIST K
KEYS P|SCAN 0 COUNT 100|SCAN 0 MATCH P COUNT 100|SCAN 0 TYPE hash COUNT 100|SCAN x|SCAN 0 COUNT 0
DBSIZE|FLUSHDB
LPUSH K V|RPUSH K V V|RPUSH K V V V|LPUSHX K V|RPUSHX K V|LPOP K|LPOP K N|RPOP K|RPOP K N|LLEN K
LRANGE K 0 -1|LRANGE K I I|LINDEX K I|LSET K N V|LREM K I V|LREM K 1 x|LREM K -1 x|LREM K 2 x|RPUSH K x y x x|LTRIM K I I|LINSERT K BEFORE V V
LINSERT K AFTER x V|LINSERT K NEXT V V|LPOS K V|LPOS K V COUNT 0|LPOS K V RANK I|LPOS K V RANK -1
LPOS K V COUNT N MAXLEN I|LMOVE K K LEFT RIGHT|LMOVE K K RIGHT LEFT|LMOVE K K UP LEFT|RPOPLPUSH K K
LMPOP 1 K LEFT|LMPOP 2 K K RIGHT COUNT N|LMPOP N K LEFT|LMPOP 1 K UP
HSET K F V|HSET K F V F V|HSET K F|HMSET K F V F V|HSETNX K F V|HGET K F|HMGET K F F|HGETALL K
HDEL K F|HDEL K F F F|HEXISTS K F|HINCRBY K F I|HINCRBYFLOAT K F R|HKEYS K|HVALS K|HLEN K
HSTRLEN K F|HSCAN K 0|HSCAN K 0 MATCH P|HSCAN K 0 NOVALUES|HSCAN K x
SADD K F|SADD K F F|SADD K F V|SREM K F|SREM K F F|SMEMBERS K|SISMEMBER K F|SMISMEMBER K F F
SCARD K|SMOVE K K F|SINTER K K|SUNION K K|SDIFF K K|SINTER K|SINTERSTORE K K K|SUNIONSTORE K K K
SDIFFSTORE K K K|SINTERCARD 2 K K|SINTERCARD 2 K K LIMIT 1|SINTERCARD N K|SSCAN K 0|SSCAN K 0 MATCH P
SPOP K 100|SRANDMEMBER K 0|SRANDMEMBER missing|SPOP missing
ZADD K D F|ZADD K D F D F|ZADD K NX D F|ZADD K XX CH D F|ZADD K GT D F|ZADD K LT CH D F|ZADD K CH D F
ZADD K INCR D F|ZADD K NX INCR D F|ZADD K XX INCR D F|ZADD K NX GT D F|ZADD K NX XX D F|ZADD K D
ZADD K INCR 1 f 2 g|ZADD K 1 f 2 g 3 h|ZADD K 0 f 0 g 0 h
ZINCRBY K D F|ZREM K F|ZREM K F F|ZSCORE K F|ZMSCORE K F F|ZCARD K|ZRANK K F|ZREVRANK K F
ZRANK K F WITHSCORE|ZREVRANK K F WITHSCORE|ZPOPMIN K|ZPOPMAX K|ZPOPMIN K N|ZPOPMAX K 2|ZSCAN K 0
ZSCAN K 0 MATCH P|ZMPOP 1 K MIN|ZMPOP 2 K K MAX COUNT N|ZMPOP 1 K UP
ZRANGE K 0 -1|ZRANGE K I I|ZRANGE K 0 -1 WITHSCORES|ZRANGE K I I REV|ZRANGE K B B BYSCORE
ZRANGE K B B BYSCORE REV WITHSCORES|ZRANGE lex L L BYLEX|ZRANGE lex L L BYLEX REV|ZADD lex 0 F|ZADD lex 0 f 0 g 0 h|ZRANGE K 0 -1 LIMIT 0 1
ZRANGE K B B BYSCORE LIMIT I I|ZRANGE K B B BYSCORE LIMIT 1 1|ZRANGE lex - + BYLEX LIMIT 0 2
ZRANGE lex - + BYLEX WITHSCORES|ZREVRANGE K 0 -1|ZREVRANGE K I I WITHSCORES|ZRANGEBYSCORE K B B
ZRANGEBYSCORE K B B WITHSCORES LIMIT 0 1|ZREVRANGEBYSCORE K B B|ZRANGEBYLEX lex L L
ZREVRANGEBYLEX lex L L|ZCOUNT K B B|ZLEXCOUNT lex L L|ZREMRANGEBYRANK K I I|ZREMRANGEBYSCORE K B B
ZREMRANGEBYLEX lex L L|ZRANGESTORE K K 0 -1|ZRANGESTORE K K B B BYSCORE
ZUNION 2 K K|ZUNION 2 K K WITHSCORES|ZUNION 2 K K WEIGHTS D D WITHSCORES|ZUNION N K
ZUNION 2 K K AGGREGATE MAX WITHSCORES|ZINTER 2 K K|ZINTER 2 K K WITHSCORES AGGREGATE MIN|ZDIFF 2 K K
ZDIFF 2 K K WITHSCORES|ZUNIONSTORE K 2 K K|ZINTERSTORE K 2 K K WEIGHTS 2 3|ZDIFFSTORE K 2 K K
ZINTERCARD 2 K K|ZINTERCARD 2 K K LIMIT 1
BLPOP K none 0.005|BRPOP K 0.005|BLPOP K x|BLPOP K -1|BLMOVE K K LEFT LEFT 0.005|BRPOPLPUSH K K 0.005
BLMPOP 0.005 2 K K LEFT|BZPOPMIN K 0.005|BZPOPMAX K none 0.005|BZMPOP 0.005 1 K MIN COUNT 2
MULTI|MULTI|EXEC|EXEC|DISCARD|WATCH K|UNWATCH|NONESUCH K
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


def _of(table: Container[bytes]) -> list[str]:
    return [template for template in TEMPLATES if template.split()[0].encode() in table]


THEMES: Final = [TEMPLATES, *(_of(table) for table in GROUPS.values())]
"""What a conversation is about: anything, or values of one type."""


def conversation(seed: int, length: int = 80) -> list[list[bytes]]:
    """Commands in a row, most of them about one theme: a value has to grow to be interesting."""
    draw = random.Random(seed)
    theme = draw.choice(THEMES)
    commands: list[list[bytes]] = []
    while len(commands) < length:
        template = draw.choice(theme if draw.random() < 0.85 else TEMPLATES)
        if WAIT in template and draw.random() < 0.7:
            continue  # it takes the real server as long
        words = [draw.choice(KINDS[each]) if each in KINDS else each for each in template.split()]
        commands.append([word.encode() for word in words])
    return commands
