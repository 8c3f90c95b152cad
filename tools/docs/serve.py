"Serve the site while it is worked on, and build it again after each change."
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from docs.finish import newest

ADDRESS = ('127.0.0.1', 4200)


class Handler(SimpleHTTPRequestHandler):
    "Serves a folder as a host of static files does."
    def log_message(self, *args): pass
    def send_error(self, code, *args):
        if code != 404: return super().send_error(code, *args)
        self.send_response(404)
        self.send_header('Content-Type', 'text/html; charset=utf-8')
        self.end_headers()
        if self.command == 'GET': self.wfile.write(open(f'{self.directory}/404.html', 'rb').read())


def server(folder, address=ADDRESS):
    "A server of `folder` in a thread of its own."
    it = ThreadingHTTPServer(address, partial(Handler, directory=folder))
    Thread(target=it.serve_forever, daemon=True).start()
    return it


def serve(build, folder, *sources):
    "Build and serve the site in `folder`, and build again when one of the `sources` has changed."
    build()
    server(folder)
    print(f'http://{ADDRESS[0]}:{ADDRESS[1]}')
    built = newest(*sources)
    while True:
        time.sleep(1)
        changed = newest(*sources)
        if changed <= built: continue
        built = changed
        try: build()
        except Exception as e: print(f'Not built: {e}')
