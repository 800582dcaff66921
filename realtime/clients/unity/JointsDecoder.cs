// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. Plain C#: knows nothing of Unity.

using System;

namespace Sealcap
{
    /// <summary>
    /// Puts together the frames of `sealcap run --osc` (/mocap/v1/...). A person's frame comes in several
    /// packets, each beginning with the frame's number and the person; it is handed over when all is there.
    /// </summary>
    public sealed class JointsDecoder
    {
        /// <summary>Follow whoever is there, and stay with them until they are lost.</summary>
        public const int Anyone = -1;

        private const int FramesUntilForgotten = 30;
        private const uint AllJoints = (1u << 26) - 1;
        private static readonly byte[] FrameAddress = OscMessage.Text("/mocap/v1/frame");
        private static readonly byte[] RootAddress = OscMessage.Text("/mocap/v1/root");
        private static readonly byte[] JointAddress = OscMessage.Text("/mocap/v1/joint");
        private static readonly byte[] BoneAddress = OscMessage.Text("/mocap/v1/bone");
        private static readonly byte[] FrameTags = OscMessage.Text(",iiiisf");
        private static readonly byte[] RootTags = OscMessage.Text(",fffffff");
        private static readonly byte[] NamedTags = OscMessage.Text(",sffff");
        private static readonly byte[][] States = // order of TrackingState
        {
            OscMessage.Text("lost"), OscMessage.Text("held"), OscMessage.Text("predicted"),
            OscMessage.Text("tracking"),
        };
        private static readonly int[] LegJoints =
        {
            Array.IndexOf(Skeleton.Joints, "left_hip"), Array.IndexOf(Skeleton.Joints, "left_knee"),
            Array.IndexOf(Skeleton.Joints, "left_ankle"), Array.IndexOf(Skeleton.Joints, "right_hip"),
            Array.IndexOf(Skeleton.Joints, "right_knee"), Array.IndexOf(Skeleton.Joints, "right_ankle"),
        };

        private readonly PoseDecoder _owner;
        private readonly StreamCounters _counters;
        private readonly FrameSequence _sequence;
        private readonly PoseFrame _frame = new PoseFrame();
        private bool _begun, _done, _hasRoot, _listening;
        private int _lastSeen;

        internal JointsDecoder(PoseDecoder owner)
        {
            _owner = owner;
            _counters = owner.Counters;
            _sequence = new FrameSequence(owner.Counters);
        }

        /// <summary>Whom this avatar shows now; Anyone while that is nobody.</summary>
        internal int Held = Anyone;

        internal void BeginPacket() { _listening = false; }

        /// <summary>False when the message is not as it should be.</summary>
        internal bool OnMessage(OscMessage message)
        {
            if (message.AddressIs(FrameAddress))
                return OnFrame(message);
            if (message.AddressIs(RootAddress))
                return OnRoot(message);
            if (message.AddressIs(JointAddress))
                return OnJoint(message);
            return !message.AddressIs(BoneAddress) || OnBone(message);
        }

        private bool OnFrame(OscMessage message)
        {
            _listening = false;
            if (!message.TagsBegin(FrameTags))
                return false;
            int number = message.ReadInt();
            double seconds = message.ReadInt() + 1e-9 * message.ReadInt();
            int person = message.ReadInt(), state = message.ReadName(States);
            float confidence = message.ReadFloat();
            bool lost = state == (int)TrackingState.Lost;
            if (message.Failed || state < 0 || (person < 0 && !lost) || !Numbers.Sane(confidence))
                return false;
            if (!_sequence.Accept(number, seconds) || !IsMine(number, person, (TrackingState)state))
                return true;
            if (_begun && !_done && (_frame.Sequence != number || _frame.Person != person))
                _counters.IncompleteFrames++;
            if (!_begun || _frame.Sequence != number || _frame.Person != person || _frame.Seconds != seconds)
                Begin(number, seconds, person, (TrackingState)state, confidence);
            _listening = !_done;
            return true;
        }

        private void Begin(int number, double seconds, int person, TrackingState state, float confidence)
        {
            _frame.Clear();
            _frame.Sequence = number;
            _frame.Seconds = seconds;
            _frame.Person = person;
            _frame.State = state;
            _frame.Confidence = confidence;
            _begun = true;
            _hasRoot = false;
            _done = state == TrackingState.Lost; // there is nothing more to come
            if (_done)
                _owner.Publish(_frame);
        }

        /// <summary>A negative person says that nobody is there, which concerns every avatar.</summary>
        private bool IsMine(int number, int person, TrackingState state)
        {
            int wanted = _owner.Person;
            if (wanted >= 0)
            {
                Held = wanted;
                return person == wanted || person < 0;
            }
            if (Held >= 0 && person != Held && person >= 0 && Since(number) <= FramesUntilForgotten)
                return false;
            if (person >= 0 && person != Held && (state == TrackingState.Lost || _owner.TakenByOther(person)))
                return false;
            Held = state == TrackingState.Lost ? Anyone : person;
            _lastSeen = number;
            return true;
        }

        private int Since(int number) { return Math.Abs(unchecked(number - _lastSeen)); }

        private bool OnRoot(OscMessage message)
        {
            if (!message.TagsBegin(RootTags))
                return false;
            Vec3 place;
            if (!Numbers.ReadPoint(message, out place))
                return false;
            if (_listening)
            {
                _frame.Pelvis = ToUnity(place);
                _hasRoot = true;
                FinishIfWhole();
            }
            return true;
        }

        private bool OnJoint(OscMessage message)
        {
            if (!message.TagsBegin(NamedTags))
                return false;
            int joint = message.ReadName(Skeleton.JointTexts);
            Vec3 place;
            bool sane = Numbers.ReadPoint(message, out place);
            float confidence = message.ReadFloat();
            if (!sane || message.Failed || !Numbers.Sane(confidence))
                return false;
            if (_listening && joint >= 0)
            {
                _frame.Joint[joint] = ToUnity(place);
                _frame.JointConfidence[joint] = confidence;
                _frame.JointMask |= 1u << joint;
                FinishIfWhole();
            }
            return true;
        }

        private bool OnBone(OscMessage message)
        {
            if (!message.TagsBegin(NamedTags))
                return false;
            int bone = message.ReadName(Skeleton.BoneTexts);
            Quat turn;
            if (!Numbers.ReadRotation(message, out turn))
                return false;
            if (_listening && bone >= 0)
            {
                _frame.Local[bone] = new Quat(turn.X, -turn.Y, -turn.Z, turn.W);
                _frame.BoneMask |= 1UL << bone;
                FinishIfWhole();
            }
            return true;
        }

        private void FinishIfWhole()
        {
            bool whole = _hasRoot && _frame.JointMask == AllJoints
                && (_frame.BoneMask & Skeleton.SentBones) == Skeleton.SentBones;
            if (!whole)
                return;
            _frame.LegLength = 0.5f * (Leg(0) + Leg(3));
            _done = true;
            _listening = false;
            _counters.Frames++;
            _owner.Publish(_frame);
        }

        private float Leg(int hip)
        {
            Vec3 knee = _frame.Joint[LegJoints[hip + 1]];
            return (knee - _frame.Joint[LegJoints[hip]]).Length + (_frame.Joint[LegJoints[hip + 2]] - knee).Length;
        }

        /// <summary>From right-handed axes in which the person's left is +X.</summary>
        private static Vec3 ToUnity(Vec3 world) { return new Vec3(-world.X, world.Y, world.Z); }
    }
}
