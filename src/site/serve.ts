/** `npm start`: serves dist/ on loopback and prints the address of the chapter list. */
import { DIST } from "./paths.js";
import { serveFolder } from "./static-server.js";

const FIRST_PORT = 3000;
const PORTS_TRIED = 20;

for (let port = FIRST_PORT; ; port++) {
  try {
    const { url } = await serveFolder(DIST, "/", port);
    console.log(`\nRing −1 is at ${url}   (Ctrl+C ends)`);
    break;
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
    if (!taken || port >= FIRST_PORT + PORTS_TRIED) throw error;
  }
}
