"""Semantic search: a question finds the texts whose vectors are nearest to its own."""

from __future__ import annotations

import hashlib
import sys
from itertools import product

import anyio
import numpy as np

import anyredis
from anyredis.search import HNSW, TextField, VectorField, knn

TOPICS = {
    "animal": ["dog", "cat", "horse", "cow", "pony", "kitten", "puppy"],
    "vehicle": ["car", "train", "bicycle", "lorry", "tram", "coach", "taxi"],
    "food": ["bread", "soup", "cheese", "apple", "stew", "pie", "sandwich"],
}
NOUNS = [noun for nouns in TOPICS.values() for noun in nouns[:4]]
PLACES = ["at home", "in town", "abroad"]
ENDINGS = ["was small", "was new", "was far too loud", "made us laugh", "cost a lot", "is gone"]
TEXTS = [f"The {' '.join(words)}" for words in product(NOUNS, PLACES, ENDINGS)]
EMBEDDING = VectorField("embedding", HNSW(dim=64, distance_metric="COSINE"))


def embed(text: str) -> bytes:
    """A toy in place of a model: words of one topic have a large part of their vectors in common."""
    words = text.lower().split()
    words += 2 * [topic for topic, nouns in TOPICS.items() for word in words if word in nouns]
    hashes = [hashlib.blake2b(word.encode()).digest() for word in words]
    return EMBEDDING.pack(np.sum([np.frombuffer(each, np.int8) for each in hashes], axis=0))


async def nearest(client: anyredis.Redis[str], question: str, count: int) -> list[str]:
    """The *count* texts that are nearest to the *question*."""
    query = knn("embedding", embed(question), count, score_as="distance")
    found = await client.ft.search("texts", query, sortby="distance", return_fields=["text"])
    return [each.fields["text"] for each in found]


async def main(url: str) -> None:
    """Index a few hundred texts, then ask."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        await client.ft.create("texts", [TextField("text"), EMBEDDING], prefix="text:")
        async with client.pipeline(transaction=False) as pipe:
            for number, text in enumerate(TEXTS):
                mapping: dict[str, str | bytes] = {"text": text, "embedding": embed(text)}
                pipe.hset(f"text:{number}", mapping=mapping)
        for question in ("a puppy is gone", "taxi abroad", "sandwich cost"):
            print(f"{question}: {'; '.join(await nearest(client, question, 3))}")
        await client.ft.dropindex("texts", dd=True)


if __name__ == "__main__":
    backend, url = sys.argv[1:3] if len(sys.argv) > 2 else ("asyncio", "redis://localhost:6379")
    anyio.run(main, url, backend=backend)
