/**
 * The encryption of a phone's calls to a Flow endpoint, and of the answers.
 *
 * Source: Meta, "Implementing your Flow Endpoint": AES-128-GCM with an IV of 16 bytes, the key sealed by RSA-OAEP with
 * SHA-256, the answer under the same key and the IV with every bit flipped.
 */

const KEY_BITS = 128;
const IV_BYTES = 16;
const ALL_BITS = 0xff;
const OAEP = { name: "RSA-OAEP", hash: "SHA-256" } as const;

/** An encrypted call: the *body* to send, and how its answer is read. */
export interface Envelope {
  readonly body: string;
  /** Return the content of an encrypted answer; rejects if it is not for this call. */
  read(answer: string): Promise<unknown>;
}

/** Encrypts calls for the holder of a public key. */
export class Sealer {
  private constructor(private readonly key: CryptoKey) {}

  /** Return a sealer for the key in *publicKeyPem* (SPKI); rejects if it is none. */
  static async of(publicKeyPem: string): Promise<Sealer> {
    const lines = publicKeyPem.trim().split(/\r?\n/);
    const der = bytesOf(lines.filter((line) => !line.startsWith("-----")).join(""));
    return new Sealer(await crypto.subtle.importKey("spki", der, OAEP, false, ["encrypt"]));
  }

  /** Return a sealer for a key that nobody holds: the endpoint cannot read what it seals. */
  static async stranger(): Promise<Sealer> {
    return Sealer.of(await strangerKey());
  }

  /** Return *content* in an envelope with a fresh key and IV. */
  async seal(content: unknown): Promise<Envelope> {
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const aes = await crypto.subtle.generateKey({ name: "AES-GCM", length: KEY_BITS }, true, ["encrypt", "decrypt"]);
    const written = new TextEncoder().encode(JSON.stringify(content));
    const body = JSON.stringify({
      encrypted_flow_data: base64Of(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, aes, written)),
      encrypted_aes_key: base64Of(
        await crypto.subtle.encrypt(OAEP, this.key, await crypto.subtle.exportKey("raw", aes)),
      ),
      initial_vector: base64Of(iv.buffer),
    });
    const flipped = iv.map((octet) => octet ^ ALL_BITS);
    return {
      body,
      read: async (answer) => {
        const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv: flipped }, aes, bytesOf(answer.trim()));
        return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(opened)) as unknown;
      },
    };
  }
}

/** Return a fresh public key (PEM) whose private half is thrown away, to seal for the wrong endpoint. */
export async function strangerKey(): Promise<string> {
  const pair = await crypto.subtle.generateKey(
    { ...OAEP, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ["encrypt", "decrypt"],
  );
  const der = base64Of(await crypto.subtle.exportKey("spki", pair.publicKey));
  const lines = der.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PUBLIC KEY-----", ...lines, "-----END PUBLIC KEY-----", ""].join("\n");
}

function base64Of(buffer: ArrayBuffer): string {
  let text = "";
  for (const octet of new Uint8Array(buffer)) text += String.fromCharCode(octet);
  return btoa(text);
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
