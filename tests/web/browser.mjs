// A page of this folder in headless Chromium: runs a script's function on it and prints what it returns as JSON.
// node browser.mjs CHROMIUM SCRIPT.mjs ARGUMENTS_JSON; the script exports `page` (a file) and `run(page, arguments, url)`.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { chromium } from "playwright-core";

const [, , executablePath, script, text] = process.argv;
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json" };
const server = http.createServer((request, answer) => {
  const place = decodeURIComponent(new URL(request.url, "http://x").pathname);
  // files of a test stand under /file/ with their absolute path
  const file = place.startsWith("/file/") ? place.slice(5) : path.join(here, place);
  fs.readFile(file, (error, content) => {
    if (error) return answer.writeHead(404).end();
    answer.writeHead(200, { "Content-Type": types[path.extname(file)] ?? "application/octet-stream" }).end(content);
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const flags = [
  "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
  "--autoplay-policy=no-user-gesture-required",
];
const browser = await chromium.launch({ executablePath, args: flags });
try {
  const { run, start } = await import(path.resolve(script));
  const page = await browser.newPage({ viewport: { width: 640, height: 640 } });
  const complaints = [];
  // drivers in software warn of reading pixels back
  const harmless = /GPU stall due to ReadPixels/;
  page.on("console", (message) =>
    ["warning", "error"].includes(message.type()) && !harmless.test(message.text()) &&
    complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  const url = `http://127.0.0.1:${server.address().port}`;
  if (start) await page.goto(`${url}/${start}`);
  const result = await run(page, JSON.parse(text), url);
  console.log(JSON.stringify({ ...result, complaints }));
} finally {
  await browser.close();
  server.close();
}
