// Khronos's glTF validator: prints {"file": {"errors": n, "warnings": n, "codes": {code: message}}, ...}.
import fs from "node:fs";
import validator from "gltf-validator";

const found = {};
for (const file of process.argv.slice(2)) {
  const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)), { maxIssues: 10000 });
  const codes = {};
  for (const issue of report.issues.messages) codes[issue.code] = `${issue.message} (${issue.pointer})`;
  found[file] = { errors: report.issues.numErrors, warnings: report.issues.numWarnings, codes };
}
console.log(JSON.stringify(found));
