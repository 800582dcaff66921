// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. Plain C#: knows nothing of Unity.

using System;

namespace Sealcap
{
    /// <summary>How far a pose can be trusted.</summary>
    public enum TrackingState
    {
        /// <summary>Nobody there, or nothing arrives.</summary>
        Lost,
        /// <summary>Not seen for a while: the last pose stands still.</summary>
        Held,
        /// <summary>Not seen for a moment: continued by the sender.</summary>
        Predicted,
        /// <summary>Seen in this frame.</summary>
        Tracking,
    }

    /// <summary>One person in one frame. Unity's axes, metres, in the sender's room.</summary>
    public sealed class PoseFrame
    {
        public TrackingState State;
        /// <summary>Number of the person; -1 when the sender does not say (VMC) or nobody is there.</summary>
        public int Person = -1;
        /// <summary>Number of the frame; -1 with VMC, which has none.</summary>
        public int Sequence = -1;
        /// <summary>With joints: capture time, seconds since 1970. With VMC: the sender's own clock.</summary>
        public double Seconds;
        public float Confidence;
        /// <summary>Stopwatch.GetTimestamp() when it was complete.</summary>
        public long ArrivalTicks;

        /// <summary>Bit b: bone b has arrived. 0: there is no pose.</summary>
        public ulong BoneMask;
        /// <summary>Rotation of each bone relative to its parent's, from the T-pose; the hips' to the room.</summary>
        public readonly Quat[] Local = new Quat[Skeleton.Bones.Length];
        /// <summary>Place of each bone relative to its parent's, VMC only.</summary>
        public readonly Vec3[] Offset = new Vec3[Skeleton.Bones.Length];
        /// <summary>The middle between the hip joints.</summary>
        public Vec3 Pelvis;
        /// <summary>Thigh and shank together, the mean of both legs; 0 when unknown.</summary>
        public float LegLength;

        /// <summary>Bit j: joint j has arrived. Sealcap's joints only.</summary>
        public uint JointMask;
        public readonly Vec3[] Joint = new Vec3[Skeleton.Joints.Length];
        public readonly float[] JointConfidence = new float[Skeleton.Joints.Length];

        /// <summary>Forget the body.</summary>
        public void Clear()
        {
            BoneMask = 0;
            JointMask = 0;
            LegLength = 0f;
        }

        public void CopyFrom(PoseFrame other)
        {
            State = other.State;
            Person = other.Person;
            Sequence = other.Sequence;
            Seconds = other.Seconds;
            Confidence = other.Confidence;
            ArrivalTicks = other.ArrivalTicks;
            BoneMask = other.BoneMask;
            Pelvis = other.Pelvis;
            LegLength = other.LegLength;
            JointMask = other.JointMask;
            Array.Copy(other.Local, Local, Local.Length);
            Array.Copy(other.Offset, Offset, Offset.Length);
            Array.Copy(other.Joint, Joint, Joint.Length);
            Array.Copy(other.JointConfidence, JointConfidence, JointConfidence.Length);
        }
    }

    /// <summary>Hands frames from one thread to another. Holds one: the newest wins, and no thread waits.</summary>
    public sealed class FrameMailbox
    {
        private readonly object _gate = new object();
        private PoseFrame _waiting = new PoseFrame(), _taken = new PoseFrame();
        private bool _fresh;

        /// <summary>Frames that a newer one replaced before they were taken.</summary>
        public int Skipped { get; private set; }

        /// <summary>Put a copy in.</summary>
        public void Put(PoseFrame frame)
        {
            lock (_gate)
            {
                _waiting.CopyFrom(frame);
                if (_fresh)
                    Skipped++;
                _fresh = true;
            }
        }

        /// <summary>The newest frame, the caller's until the next call; null when none came since the last.</summary>
        public PoseFrame Take()
        {
            lock (_gate)
            {
                if (!_fresh)
                    return null;
                _fresh = false;
                PoseFrame frame = _waiting;
                _waiting = _taken;
                _taken = frame;
                return frame;
            }
        }
    }

    /// <summary>What happened on the way. Written by the receiving thread, read by anyone.</summary>
    public sealed class StreamCounters
    {
        /// <summary>UDP packets that arrived.</summary>
        public int Packets;
        /// <summary>Packets or messages that were not as they should be.</summary>
        public int Malformed;
        /// <summary>Whole poses of this avatar's person.</summary>
        public int Frames;
        /// <summary>Frames of which nothing arrived. VMC has no numbers to see them by.</summary>
        public int LostFrames;
        /// <summary>Frames of this avatar's person of which a part did not arrive; they are not shown.</summary>
        public int IncompleteFrames;
        /// <summary>Packets that came after those of a newer frame, and were not used.</summary>
        public int LatePackets;
        /// <summary>Times the sender began anew.</summary>
        public int Restarts;
    }
}
