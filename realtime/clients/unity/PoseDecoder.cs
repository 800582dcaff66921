// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. Plain C#: knows nothing of Unity.

using System;
using System.Diagnostics;

namespace Sealcap
{
    /// <summary>
    /// From packets to one avatar's frames, in either protocol. Packets go in on one thread; frames are taken
    /// from <see cref="Frames"/> on another.
    /// </summary>
    public sealed class PoseDecoder : IOscHandler
    {
        public readonly StreamCounters Counters = new StreamCounters();
        public readonly FrameMailbox Frames = new FrameMailbox();
        private static readonly PoseDecoder[] Nobody = new PoseDecoder[0];
        private readonly JointsDecoder _joints;
        private readonly VmcDecoder _vmc;
        private readonly OscParser _parser = new OscParser();
        private volatile int _person;
        private volatile PoseDecoder[] _others = Nobody;

        /// <param name="person">A person's number, or JointsDecoder.Anyone.</param>
        public PoseDecoder(int person)
        {
            _person = person;
            _joints = new JointsDecoder(this);
            _vmc = new VmcDecoder(this);
        }

        /// <summary>Whom to show; may be changed at any time.</summary>
        public int Person
        {
            get { return _person; }
            set { _person = value; }
        }

        /// <summary>Decoders on the same port: two avatars that follow anyone follow different people.</summary>
        internal void KnowOthers(PoseDecoder[] all) { _others = all; }

        internal bool TakenByOther(int person)
        {
            PoseDecoder[] others = _others;
            for (int i = 0; i < others.Length; i++)
                if (others[i] != this && (others[i]._person == person || others[i]._joints.Held == person))
                    return true;
            return false;
        }

        /// <summary>Take in what came in one UDP packet. Never throws for what is in it.</summary>
        public void OnPacket(byte[] data, int length)
        {
            _joints.BeginPacket();
            int broken = _parser.Parse(data, Math.Min(length, data.Length), this);
            Counters.Malformed += broken; // apart: messages count there too meanwhile
            _vmc.EndPacket();
            Counters.Packets++;
        }

        void IOscHandler.OnMessage(OscMessage message)
        {
            bool good = _joints.OnMessage(message);
            message.Rewind();
            if (!good || !_vmc.OnMessage(message))
                Counters.Malformed++;
        }

        internal void Publish(PoseFrame frame)
        {
            frame.ArrivalTicks = Stopwatch.GetTimestamp();
            Frames.Put(frame);
        }
    }

    /// <summary>Numbers from the network, believed only when they can be true.</summary>
    internal static class Numbers
    {
        private const float Largest = 1e5f;

        internal static bool Sane(float value) { return value >= -1e9f && value <= 1e9f; } // false for NaN

        internal static bool ReadPoint(OscMessage message, out Vec3 point)
        {
            point.X = message.ReadFloat();
            point.Y = message.ReadFloat();
            point.Z = message.ReadFloat();
            return !message.Failed && Near(point.X) && Near(point.Y) && Near(point.Z);
        }

        /// <summary>A rotation of length 1, or nearly so: it is brought to length 1.</summary>
        internal static bool ReadRotation(OscMessage message, out Quat rotation)
        {
            rotation.X = message.ReadFloat();
            rotation.Y = message.ReadFloat();
            rotation.Z = message.ReadFloat();
            rotation.W = message.ReadFloat();
            float square = Quat.Dot(rotation, rotation);
            if (message.Failed || !(square > 0.25f && square < 4f))
                return false;
            rotation = rotation.Normalized;
            return true;
        }

        private static bool Near(float metres) { return metres >= -Largest && metres <= Largest; }
    }
}
