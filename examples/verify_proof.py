"""Checks a proof of consent without Tambour: python verify_proof.py PROOF.json [KEY_ID]. Needs `cryptography`.

Written from docs/proof.md alone, so that two programs have to agree. Ask whoever runs the installation for the id of
its key over a way that you trust; without it, this only shows that the document is what some key signed.
"""

import base64
import hashlib
import json
import sys
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305


def sha256(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


def check_signature(proof: dict[str, Any], key_id: str) -> None:
    public = base64.b64decode(proof["public_key"])
    if sha256(public).hex()[:16] != key_id:
        sys.exit(f"signed with another key: {sha256(public).hex()[:16]}")
    signed = {name: value for name, value in proof.items() if name not in ("key_id", "public_key", "signature")}
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(proof["signature"]), text)
    except InvalidSignature:
        sys.exit("the signature does not fit: the document was changed")


def content_of(link: dict[str, Any]) -> bytes:
    """The digest that the chain runs over: given for links of others, computed for those that are shown."""
    if "content" in link:
        return bytes.fromhex(link["content"])
    sealed = base64.b64decode(link["sealed"])
    header = f"{link['position']}\n{link['business'] or '-'}\n{link['kind']}\n{link['at']}\n".encode()
    if "key" in link:
        try:
            opened = ChaCha20Poly1305(base64.b64decode(link["key"])).decrypt(sealed[:12], sealed[12:], header)
        except InvalidTag:
            sys.exit(f"link {link['position']}: this is not what was sealed")
        if json.loads(opened) != link["says"]:
            sys.exit(f"link {link['position']}: it says something else than what was sealed")
    return sha256(header + sealed)


def check_chain(chain: dict[str, Any]) -> None:
    previous, expected = bytes.fromhex(chain["follows"]), None
    for link in chain["links"]:
        if expected not in (None, link["position"]):
            sys.exit(f"link {expected} is missing")
        previous = sha256(previous + content_of(link))
        if previous.hex() != link["hash"]:
            sys.exit(f"link {link['position']}: the chain is broken")
        expected = link["position"] + 1


def main() -> None:
    with open(sys.argv[1], "rb") as file:
        proof = json.load(file)
    key_id = sys.argv[2] if len(sys.argv) > 2 else proof["key_id"]
    check_signature(proof, key_id)
    for chain in proof["chains"]:
        check_chain(chain)
    for wording in proof["wordings"]:
        if sha256(wording["text"].encode()).hex() != wording["hash"]:
            sys.exit("a wording is not the one that was shown")
    print(f"This proof holds; signed with {key_id} by {proof['installation']}, made {proof['made_at']}.")


if __name__ == "__main__":
    main()
