// {streams: [{file, mode, count, size}]}: decode with the decoder that three.js ships.
export const start = "three.html";

export async function run(page, { streams }, url) {
  const decoded = [];
  for (const stream of streams) {
    decoded.push(await page.evaluate(async ([{ file, mode, count, size }, base]) => {
      const { MeshoptDecoder } = await import("/node_modules/three/examples/jsm/libs/meshopt_decoder.module.js");
      await MeshoptDecoder.ready;
      const source = new Uint8Array(await (await fetch(`${base}/file${file}`)).arrayBuffer());
      const target = new Uint8Array(count * size);
      MeshoptDecoder.decodeGltfBuffer(target, count, size, source, mode, "NONE");
      return [...target];
    }, [stream, url]));
  }
  return { decoded };
}
