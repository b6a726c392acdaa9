/** One session from its beginning to its end. */

export default function Session({ id }: { id: string }) {
  return <h1>{id}</h1>;
}
