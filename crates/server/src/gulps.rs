//! Connections that are read in large pieces.
//!
//! TLS is taken in steps of four kilobytes, each of which would be a call of the system. While more comes than fits into
//! a step, a connection is read into a buffer, and the steps are served from there. One that has nothing to say has no
//! buffer.

use std::future::{Future, Ready, ready};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// The bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;

/// Wraps the connections that are accepted.
#[derive(Clone, Copy)]
pub(crate) struct InGulps;

impl<I, S> Accept<I, S> for InGulps {
    type Stream = Gulps<I>;
    type Service = S;
    type Future = Ready<io::Result<(Gulps<I>, S)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        ready(Ok((Gulps::new(stream), service)))
    }
}

/// A connection that is read in large pieces.
pub(crate) struct Gulps<S> {
    stream: S,
    /// What was read, and how much of it was handed out.
    piece: Vec<u8>,
    handed_out: usize,
    /// Whether the last read brought as much as a step takes, or more.
    is_flowing: bool,
}

impl<S> Gulps<S> {
    fn new(stream: S) -> Gulps<S> {
        Gulps { stream, piece: Vec::new(), handed_out: 0, is_flowing: false }
    }

    fn hand_out(&mut self, out: &mut ReadBuf<'_>) {
        let rest = &self.piece[self.handed_out..];
        let bytes = rest.len().min(out.remaining());
        out.put_slice(&rest[..bytes]);
        self.handed_out += bytes;
        if self.handed_out == self.piece.len() && !self.is_flowing {
            self.forget();
        }
    }

    fn forget(&mut self) {
        (self.piece, self.handed_out) = (Vec::new(), 0);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gulps<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.handed_out < this.piece.len() {
            this.hand_out(out);
            return Poll::Ready(Ok(()));
        }
        if !this.is_flowing || out.remaining() >= PIECE_BYTES {
            let (before, room) = (out.filled().len(), out.remaining());
            ready!(Pin::new(&mut this.stream).poll_read(context, out))?;
            this.is_flowing = room > 0 && out.filled().len() - before == room;
            return Poll::Ready(Ok(()));
        }
        this.piece.clear();
        this.handed_out = 0;
        this.piece.reserve_exact(PIECE_BYTES);
        let read = pin!(this.stream.read_buf(&mut this.piece)).poll(context);
        if let Poll::Ready(Ok(bytes)) = &read {
            this.is_flowing = *bytes >= out.remaining();
            this.hand_out(out);
        } else {
            this.forget();
        }
        read.map_ok(|_| ())
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gulps<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that come in parts of a given size, and how often they were asked for.
    struct Source {
        bytes: Vec<u8>,
        at: usize,
        part: usize,
        is_waiting: bool,
        reads: usize,
    }

    impl AsyncRead for Source {
        fn poll_read(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            out: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let this = self.get_mut();
            this.reads += 1;
            // Every third read has to wait.
            this.is_waiting = !this.is_waiting && this.reads.is_multiple_of(3);
            if this.is_waiting {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let end = this.bytes.len().min(this.at + this.part.min(out.remaining()));
            out.put_slice(&this.bytes[this.at..end]);
            this.at = end;
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_comes_is_what_was_sent() {
        let sent: Vec<u8> = (0..1_000_000u32).map(|at| (at * 7 % 251) as u8).collect();
        for (part, step, reads_max) in
            [(1 << 20, 4096, 30), (16_384, 4096, 100), (100, 4096, 20_000), (1 << 20, 1 << 17, 20)]
        {
            let source = Source { bytes: sent.clone(), at: 0, part, is_waiting: false, reads: 0 };
            let mut gulps = Gulps::new(source);
            let (mut came, mut room) = (Vec::new(), vec![0; step]);
            loop {
                match gulps.read(&mut room).await.unwrap() {
                    0 => break,
                    bytes => came.extend_from_slice(&room[..bytes]),
                }
            }
            assert!(came == sent, "parts of {part}, steps of {step}");
            let reads = gulps.stream.reads;
            assert!(reads <= reads_max, "parts of {part}, steps of {step}: {reads} reads");
            assert_eq!(gulps.piece.capacity(), 0, "nothing comes any more");
        }
    }
}
