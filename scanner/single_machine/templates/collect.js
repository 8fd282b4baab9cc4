// Runs under cscript of Windows XP to 11; uses nothing but what Windows ships and changes nothing on the computer.
// Arguments: the folder to write to, the file with the paths to look for (UTF-16).
// Writes script.txt (one JSON object a line, UTF-16): answers of WMI, files that are there. Then digest.txt.
var fso = new ActiveXObject("Scripting.FileSystemObject");
var out = WScript.Arguments.Item(0), places = WScript.Arguments.Item(1);
var DENIED = -2146828218, READ = 1, APPEND = 8, FIXED_DRIVE = 2;

function quoted(text) {
  var safe = "", i, c;
  for (i = 0; i < text.length; i++) {
    c = text.charCodeAt(i);
    safe += c < 32 || c > 126 || c === 34 || c === 92 ? "\\u" + ("000" + c.toString(16)).slice(-4) : text.charAt(i);
  }
  return '"' + safe + '"';
}

function json(value) {
  var parts = [], name, i;
  if (value === null || value === undefined) return "null";
  if (typeof value === "boolean" || typeof value === "number") return String(value);
  if (value instanceof Array) {
    for (i = 0; i < value.length; i++) parts.push(json(value[i]));
    return "[" + parts.join(",") + "]";
  }
  if (typeof value === "object") {
    for (name in value) parts.push(quoted(name) + ":" + json(value[name]));
    return "{" + parts.join(",") + "}";
  }
  return quoted(String(value));
}

var report = fso.CreateTextFile(out + "\\script.txt", true, true);
function say(value) { report.WriteLine(json(value)); }

function each(collection, use) {
  var walker = null, i;
  try { walker = new Enumerator(collection); } catch (e) { walker = null; }
  if (walker) { for (; !walker.atEnd(); walker.moveNext()) use(walker.item()); return; }
  for (i = 0; i < collection.Count; i++) use(collection.ItemIndex(i));
}

function plain(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === "unknown") {
    var items = new VBArray(value).toArray();
    for (var i = 0; i < items.length; i++) items[i] = plain(items[i]);
    return items;
  }
  return value;
}

function ask(space, name, where, columns) {
  var service = new ActiveXObject("WbemScripting.SWbemLocator").ConnectServer(".", space.replace(/\//g, "\\"));
  var rows = [];
  each(service.ExecQuery("SELECT " + columns.join(",") + " FROM " + name + (where ? " WHERE " + where : "")), function (item) {
    var row = {}, i;
    for (i = 0; i < columns.length; i++) row[columns[i]] = plain(item.Properties_.Item(columns[i]).Value);
    rows.push(row);
  });
  return rows;
}

function wmi(space, name, where, columns, older) {
  var path = space + ":" + name;
  try { say({wmi: path, rows: ask(space, name, where, columns)}); return; } catch (first) {
    if (!older.length) { say({wmi: path, error: first.number, detail: first.message}); return; }
  }
  try { say({wmi: path, rows: ask(space, name, where, older)}); } catch (e) {
    say({wmi: path, error: e.number, detail: e.message});
  }
}

function moment(read) {
  try { return new Date(read()).getTime(); } catch (e) { return null; }
}

function seen(path) {
  var folder = fso.FolderExists(path);
  if (!folder && !fso.FileExists(path)) return null;
  var it = folder ? fso.GetFolder(path) : fso.GetFile(path);
  return {
    path: path, state: "present", folder: folder, size: folder ? 0 : it.Size,
    created: moment(function () { return it.DateCreated; }), written: moment(function () { return it.DateLastModified; })
  };
}

function hidden(folder) {  // a folder that we may not list tells nothing about what lies in it
  try { fso.GetFolder(folder).Files.Count; } catch (e) { return e.number === DENIED; }
  return false;
}

function look(path) {
  var found = null, above, parent = fso.GetParentFolderName(path);
  try {
    if (!fso.DriveExists(path.slice(0, 2)) || !fso.GetDrive(path.slice(0, 2)).IsReady) return {path: path, state: "unknown"};
    found = seen(path);
    if (found) return found;
    for (above = parent; above && !fso.FolderExists(above);) above = fso.GetParentFolderName(above);
    if (!above || hidden(above)) return {path: path, state: "unknown"};
  } catch (e) { return {path: path, state: "unknown"}; }
  return {path: path, state: above === parent ? "absent" : "folder_absent"};
}

// The same derivation as scanner/collectors/windows/presence.py: what an Uninstall entry names.
var VARIABLES = {
  "programfiles": "C:\\Program Files", "programw6432": "C:\\Program Files", "programfiles(x86)": "C:\\Program Files (x86)",
  "commonprogramfiles": "C:\\Program Files\\Common Files", "programdata": "C:\\ProgramData",
  "allusersprofile": "C:\\ProgramData", "systemroot": "C:\\Windows", "windir": "C:\\Windows", "systemdrive": "C:"
};
function own(text) {
  var path = text.replace(/%([^%]+)%/g, function (all, name) { return VARIABLES[name.toLowerCase()] || all; });
  path = path.replace(/[\\ .]+$/, "");
  return /^[A-Za-z]:\\[^\\]/.test(path) ? path : null;
}
function program(text) {
  var found = /^\s*(?:"([^"]+)"|([A-Za-z%][^"]*?\.(?:exe|ico|dll)))/i.exec(text);
  return found ? own((found[1] || found[2]).replace(/^\s+|\s+$/g, "")) : null;
}

function decoded(hex) {
  var text = "", bytes = hex.split(","), i;
  for (i = 0; i + 1 < bytes.length; i += 2) text += String.fromCharCode(parseInt(bytes[i + 1] + bytes[i], 16));
  return text.replace(/\u0000.*$/, "");
}

function named(file, wanted) {
  var text = whole(file).replace(/\\\r\n\s*/g, ""), path;
  var line = /^"(DisplayIcon|UninstallString|InstallLocation)"=(?:"((?:[^"\\]|\\.)*)"|hex\(2\):([0-9a-f,]*))/gim, found;
  while ((found = line.exec(text)) !== null) {
    var value = found[3] ? decoded(found[3]) : (found[2] || "").replace(/\\(.)/g, "$1");
    value = value.replace(/^\s+|\s+$/g, "");
    path = found[1].toLowerCase() === "installlocation" ? own(value.replace(/^[" ']+|[" ']+$/g, "")) : program(value);
    if (path) wanted[path] = 1;
  }
}

function whole(path) {
  if (fso.GetFile(path).Size < 2) return "";
  var stream = fso.OpenTextFile(path, READ, false, -1), text = stream.AtEndOfStream ? "" : stream.ReadAll();
  stream.Close();
  return text;
}

function matching(drive, pattern) {
  var parts = pattern.split("\\"), at = 0, above = drive + ":", found = [];
  while (parts[at].indexOf("*") < 0) above += "\\" + parts[at++];
  if (!fso.FolderExists(above + "\\")) return found;
  var word = parts[at].replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*");
  var fits = new RegExp("^" + word + "$", "i"), rest = parts.slice(at + 1).join("\\");
  try {
    each(fso.GetFolder(above + "\\").SubFolders, function (folder) {
      if (fits.test(folder.Name)) found.push(above + "\\" + folder.Name + "\\" + rest);
    });
  } catch (e) { say({unlisted: above, error: e.number}); }
  return found;
}

function find(drive, patterns) {
  if (!fso.DriveExists(drive + ":") || fso.GetDrive(drive + ":").DriveType !== FIXED_DRIVE) return;
  for (var i = 0; i < patterns.length; i++) {
    var paths = patterns[i].indexOf("*") < 0 ? [drive + ":\\" + patterns[i]] : matching(drive, patterns[i]);
    for (var j = 0; j < paths.length; j++) {
      var it = null;
      try { it = seen(paths[j]); } catch (e) { it = null; }
      if (it) say({find: it});
    }
  }
}

// SHA-256 (FIPS 180-4): Windows XP has no program for it. A file is read in units of 16 bits, the only way in which
// cscript gives every byte back as it is; one blank is appended where the length is odd, before anything is computed.
var K = [], PRIMES = 0;
(function () {
  for (var n = 2; PRIMES < 64; n++) {
    for (var d = 2, prime = true; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
    if (prime) { K[PRIMES++] = (Math.pow(n, 1 / 3) % 1) * 4294967296 | 0; }
  }
})();
function sha256(text, bom) {
  var h = [1779033703, -1150833019, 1013904242, -1521486534, 1359893119, -1694144372, 528734635, 1541459225];
  var w = [], size = text.length * 2 + (bom ? 2 : 0), start = bom ? -1 : 0, total = (Math.floor((size + 8) / 64) + 1) * 16;
  for (var at = 0; at < total; at += 16) {
    var a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7], i, t1, t2, x, y;
    for (i = 0; i < 16; i++) w[i] = at + i === total - 1 ? (size * 8) | 0 : at + i === total - 2 ? Math.floor(size / 536870912) : unit(text, (at + i) * 2 + start) << 16 | unit(text, (at + i) * 2 + 1 + start);
    for (i = 16; i < 64; i++) {
      x = w[i - 15]; y = w[i - 2];
      w[i] = (w[i - 16] + w[i - 7] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10)) | 0;
    }
    for (i = 0; i < 64; i++) {
      t1 = (k + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) + K[i] + w[i]) | 0;
      t2 = (((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c)) | 0;
      k = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    h[0] = h[0] + a | 0; h[1] = h[1] + b | 0; h[2] = h[2] + c | 0; h[3] = h[3] + d | 0;
    h[4] = h[4] + e | 0; h[5] = h[5] + f | 0; h[6] = h[6] + g | 0; h[7] = h[7] + k | 0;
  }
  var hex = "";
  for (i = 0; i < 8; i++) hex += ("0000000" + (h[i] >>> 0).toString(16)).slice(-8);
  return hex;
}
function unit(text, at) {
  if (at === -1) return 0xFFFE;  // the byte order mark FF FE, which reading takes away
  if (at > text.length) return 0;
  if (at === text.length) return 0x8000;
  var c = text.charCodeAt(at);
  return (c & 255) << 8 | c >>> 8;
}
function digest(name) {
  var path = out + "\\" + name;
  if (fso.GetFile(path).Size % 2) {
    var stream = fso.OpenTextFile(path, APPEND, false, 0);
    stream.Write(" ");
    stream.Close();
  }
  var text = whole(path);
  return sha256(text, fso.GetFile(path).Size === text.length * 2 + 2);
}

var FILES = ["info.txt", "who.txt", "answers.txt", "machine.reg", "people.reg", "installer.reg", "script.txt"];
(function () {
  var lines = whole(places).split("\r\n"), patterns = [], wanted = {"C:\\Windows": 1}, i, path;
  say({clock: new Date().getTime(), version: WScript.Version, engine: ScriptEngineMajorVersion() + "." + ScriptEngineMinorVersion()});
  for (i = 0; i < lines.length; i++) {
    var parts = lines[i].split("|");
    if (parts[0] === "find") patterns.push(parts[1]);
    if (parts[0] === "wmi") wmi(parts[1], parts[2], parts[3], parts[4].split(","), parts[5] ? parts[5].split(",") : []);
  }
  for (i = 3; i < 6; i++) if (fso.FileExists(out + "\\" + FILES[i])) named(out + "\\" + FILES[i], wanted);
  for (path in wanted) say({look: look(path)});
  for (i = 0; i < 4; i++) find("CDEF".charAt(i), patterns);
  say({done: new Date().getTime()});
  report.Close();
  var sums = "";
  for (i = 0; i < FILES.length; i++) if (fso.FileExists(out + "\\" + FILES[i])) sums += digest(FILES[i]) + "  " + FILES[i] + "\r\n";
  var sheet = fso.CreateTextFile(out + "\\digest.txt", true, false);
  sheet.Write(sums);
  sheet.Close();
})();
