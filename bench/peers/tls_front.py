"""TLS before the mock authorization server, for a peer that asks none without it: tls_front.py PORT UPSTREAM-PORT DIR.

Its certificate is made in DIR by openssl, for one day and for nobody to trust.
"""

import asyncio
import ssl
import subprocess
import sys
from pathlib import Path


def own_certificate(directory):
    certificate, key = directory / "front.crt", directory / "front.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "1", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def pass_on(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass   # the other side has gone: so does this one
    finally:
        writer.close()


async def serve(port, upstream_port, context):
    async def accept(reader, writer):
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", upstream_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pass_on(reader, upstream_writer), pass_on(upstream_reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", port, ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), own_certificate(Path(sys.argv[3]))))
