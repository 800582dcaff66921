// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. Plain C#: knows nothing of Unity.

using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Threading;

namespace Sealcap
{
    /// <summary>The port cannot be received on; the message says what to do.</summary>
    public sealed class PortException : Exception
    {
        public PortException(string message, Exception cause) : base(message, cause) { }
    }

    /// <summary>
    /// Receives on one UDP port, on a thread of its own, for all avatars that listen there. Sends nothing.
    /// </summary>
    public sealed class PacketHub
    {
        private const int LargestPacket = 65536;
        private const int PollMicroseconds = 20000;
        private const int EndMilliseconds = 1000;
        private static readonly Dictionary<int, PacketHub> Open = new Dictionary<int, PacketHub>();

        private readonly int _port;
        private readonly bool _lan;
        private readonly Socket _socket;
        private readonly Thread _thread;
        private volatile PoseDecoder[] _decoders = new PoseDecoder[0];
        private volatile bool _stop;

        /// <summary>Begin to receive. Leave with the same decoder when done.</summary>
        /// <param name="lan">False: from this machine only.</param>
        public static PacketHub Join(int port, bool lan, PoseDecoder decoder)
        {
            if (port < 1 || port > 65535)
                throw new PortException("Port " + port + " cannot be: give one in 1..65535, such as 39570.", null);
            lock (Open)
            {
                PacketHub hub;
                if (!Open.TryGetValue(port, out hub))
                    Open[port] = hub = new PacketHub(port, lan);
                if (lan && !hub._lan)
                    throw new PortException(
                        "Another avatar receives on port " + port + " from this machine only. "
                        + "Give all avatars on a port the same 'Accept From Network'.", null);
                List<PoseDecoder> all = new List<PoseDecoder>(hub._decoders);
                all.Add(decoder);
                hub.Serve(all);
                return hub;
            }
        }

        /// <summary>Stop receiving; the last one out closes the port. May be called again.</summary>
        public void Leave(PoseDecoder decoder)
        {
            lock (Open)
            {
                List<PoseDecoder> all = new List<PoseDecoder>(_decoders);
                all.Remove(decoder);
                Serve(all);
                if (all.Count > 0 || _stop)
                    return;
                _stop = true;
                _thread.Join(EndMilliseconds); // a socket closed under it would keep the port a while
                _socket.Close();
                Open.Remove(_port);
            }
        }

        private PacketHub(int port, bool lan)
        {
            _port = port;
            _lan = lan;
            try
            {
                _socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                _socket.Bind(new IPEndPoint(lan ? IPAddress.Any : IPAddress.Loopback, port));
            }
            catch (SocketException error)
            {
                if (_socket != null)
                    _socket.Close();
                throw new PortException(
                    "Cannot receive on port " + port + " (" + error.Message + "). Close the program that uses it, "
                    + "or choose another port here and for the sender.", error);
            }
            _thread = new Thread(Run) { IsBackground = true, Name = "Sealcap port " + port };
            _thread.Start();
        }

        private void Serve(List<PoseDecoder> all)
        {
            PoseDecoder[] decoders = all.ToArray();
            foreach (PoseDecoder decoder in decoders)
                decoder.KnowOthers(decoders);
            _decoders = decoders;
        }

        private void Run()
        {
            byte[] packet = new byte[LargestPacket];
            while (!_stop)
            {
                int length = Receive(packet);
                PoseDecoder[] decoders = _decoders;
                for (int i = 0; length >= 0 && i < decoders.Length; i++)
                    decoders[i].OnPacket(packet, length);
            }
        }

        /// <summary>Length of the next packet; -1 when none came for a moment.</summary>
        private int Receive(byte[] packet)
        {
            try
            {
                return _socket.Poll(PollMicroseconds, SelectMode.SelectRead) ? _socket.Receive(packet) : -1;
            }
            catch (ObjectDisposedException)
            {
                _stop = true; // closed while waiting
            }
            catch (SocketException)
            {
                if (!_stop)
                    Thread.Sleep(100); // the network went down or comes back
            }
            return -1;
        }
    }
}
